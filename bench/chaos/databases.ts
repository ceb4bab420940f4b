import { prepareSchema } from '../../activities/postgres/fairlead-schema.ts';
import type { PoolClient } from 'pg';
import { join } from 'node:path';
import { connectPlainly } from './ask.ts';
import { SOURCE_VIEW, type ChaosStack } from './chaos-stack.ts';

/** While a session holds this advisory lock, the COPY of a chunk out of the source does not begin. */
export const BRAKE_LOCK = [7_331, 1] as const;

/** The brake looks at locks, because a chunk's snapshot would never see that a row of a table has gone. */
const BRAKED_VIEW = `
  create schema chaos;
  create function chaos.go_on() returns boolean language plpgsql stable as $$
  begin
    while ltrim(current_query()) ilike 'copy%' and exists (
      select from pg_locks where locktype = 'advisory' and classid = ${BRAKE_LOCK[0]} and objid = ${BRAKE_LOCK[1]} and granted)
    loop
      perform pg_sleep(0.1);
    end loop;
    return true;
  end $$;
  create view ${SOURCE_VIEW} as select * from tenant.tbl_data_timeseries where chaos.go_on();`;

/** Every change of the ledger, in the transaction that makes it: so what was rolled back is not in it. */
const AUDIT = `
  create table chaos.change (
    number bigserial, at timestamptz not null default clock_timestamp(), ship text, from_time timestamp, to_time timestamp,
    was text, became text, attempts integer, is_claim boolean, is_proof boolean);
  create function chaos.note_change() returns trigger language plpgsql as $$
  begin
    insert into chaos.change (ship, from_time, to_time, was, became, attempts, is_claim, is_proof)
    values (new.ship_id, new.from_time, new.to_time, old.status, new.status, new.attempts,
            new.attempts > coalesce(old.attempts, 0),
            new.status in ('done', 'empty') and new.committed_at is distinct from old.committed_at);
    return null;
  end $$;
  create trigger note_change after insert or update on fairlead.chunk
    for each row execute function chaos.note_change();`;

/** Before the first migration: what is written goes to the small disk, where there is one. */
export async function prepareDatabases({ url, disk }: ChaosStack): Promise<void> {
  const client = await connectPlainly(url, 'chaos');
  try {
    await client.query(BRAKED_VIEW);
    if ('folder' in disk) {
      await client.query(`create tablespace small_disk location '${join(disk.folder, 'tables')}'`);
      await client.query(`set default_tablespace = 'small_disk'`);
      await client.query(`alter database ${client.database} set default_tablespace = 'small_disk'`);
    }
    await prepareSchema(client as unknown as PoolClient);
    await client.query(`set default_tablespace = ''`);
    await client.query(AUDIT);
  } finally {
    await client.end();
  }
}
