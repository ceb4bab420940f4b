import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { commandWorld, type Answer, type WorldWorker } from '../cli/command-world.ts';
import { parseExposition, type Sample } from './exposition.ts';

export const SHIP = 'IMO9976903';
const UNTIL_NOON = ['--from', '2025-06-15', '--to', '2025-06-15T12:00'];

/**
 * A migration by two workers, through the command line, in which everything happens that is watched: a chunk that is
 * tried again (02:00), one that fails (04:00), one that waits for room on the target's disk (06:00), one that is split
 * (08:00), cells in quarantine, and hours without any cell (from 10:00).
 */
export interface StumblingMigration extends AsyncDisposable {
  workers: WorldWorker[];
  fairlead: (...words: string[]) => Promise<Answer>;
  query: (sql: string) => Promise<{ rows: Record<string, unknown>[] }>;
  /** The schema of its ledger. */
  ledger: string;
  /** All samples of both workers, now. */
  scrape: () => Promise<Sample[]>;
  /** Of each worker. */
  scrapeEach: () => Promise<Sample[][]>;
  /** Once they are as wanted; of these workers, or of both. */
  scraped: (isMeant: (samples: Sample[]) => boolean, of?: WorldWorker[]) => Promise<Sample[]>;
  start: () => Promise<void>;
  /** There is room again; returns when the migration has ended. */
  goOn: () => Promise<Answer>;
}

export async function stumblingMigration(): Promise<StumblingMigration> {
  const world = await commandWorld({
    configuration: `[fleet]\nships = ["${SHIP}"]\n[metrics]\nlookEvery = "200ms"\n`,
    migration: 'maxBufferBytes = 1500000\n',
  });
  const query = (sql: string) => world.database.query(sql);
  await query(CELLS);
  const workers = [await world.startWorker(), await world.startWorker()];
  const scrape = async (of = workers) => (await Promise.all(of.map(scrapeOf))).flat();
  return {
    workers,
    fairlead: world.fairlead,
    query,
    ledger: world.ledger,
    scrape: () => scrape(),
    scrapeEach: () => Promise.all(workers.map(scrapeOf)),
    scraped: async (isMeant, of = workers) => {
      for (;;) {
        const samples = await scrape(of);
        if (isMeant(samples)) return samples;
        await sleep(100);
      }
    },
    start: async () => {
      const { exitCode, stderr } = await world.fairlead('migrate', SHIP, ...FIRST_CHUNK);
      expect(exitCode, stderr).toBe(4);
      const { rows } = await query(
        `select distinct table_name as name from ${world.ledger}.channel_map`,
      );
      for (const { name } of rows) await query(stumblesOn(String(name)));
      await world.fairlead('migrate', SHIP, ...UNTIL_NOON, '--no-wait');
    },
    goOn: async () => {
      await query('drop table no_room');
      await world.fairlead('resume', SHIP);
      return world.fairlead('migrate', SHIP, ...UNTIL_NOON);
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
      await world[Symbol.asyncDispose]();
    },
  };
}

const FIRST_CHUNK = ['--from', '2025-06-15', '--to', '2025-06-15T02:00'];

/** Ten hours; of channel 1 each tenth cell has two values; between 08:00 and 10:00 more than the buffer holds. */
const CELLS = `
  insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, str_v, double_v)
  select '${SHIP}', '/a/' || channel, timestamp '2025-06-15' + n * interval '15 s', 'Decimal',
         case when channel = 1 and n % 10 = 0 then 'x' end, n
    from generate_series(0, 2399) n, generate_series(1, 4) channel;
  insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, str_v)
  select '${SHIP}', '/long', timestamp '2025-06-15 08:00' + n * interval '15 minutes', 'String', n || repeat('x', 300000)
    from generate_series(0, 7) n`;

const stumblesOn = (table: string) => `
  create sequence if not exists stumbles;
  create table if not exists no_room ();
  create or replace function stumble() returns trigger language plpgsql as $$
    begin
      case extract(hour from new.created_time)
        when 2 then
          if nextval('stumbles') <= 2 then raise exception 'try again' using errcode = '40001'; end if;
        when 4 then raise exception 'not this one';
        when 6 then
          if to_regclass('no_room') is not null then raise exception 'no room' using errcode = '53100'; end if;
        else
      end case;
      return new;
    end $$;
  create trigger stumble before insert on ${table} for each row execute function stumble()`;

/** All samples of one worker, now. */
export async function scrapeOf(worker: WorldWorker): Promise<Sample[]> {
  const [url] = /http:\/\/[^"]+\/metrics/.exec(worker.log())!;
  return parseExposition(await (await fetch(url)).text());
}
