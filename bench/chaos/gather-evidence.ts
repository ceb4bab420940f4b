import { setTimeout as sleep } from 'node:timers/promises';
import { connectTemporal } from '../../workers/temporal-client.ts';
import { locateTemporal } from '../../workers/temporal-location.ts';
import type { Outcome } from '../soak/processes.ts';
import { ask, connectPlainly } from './ask.ts';
import type { ChaosStack } from './chaos-stack.ts';
import { compareCells, type ComparedCells } from './compare-cells.ts';
import type { Fleet } from './fleet.ts';
import { listMigrations, type Migrations } from './list-migrations.ts';
import { readChanges, type LedgerChanges } from './read-changes.ts';

export interface LedgerSums {
  read: number;
  written: number;
  nulls: number;
  quarantined: number;
  running: number;
  failed: number;
  /** Seconds of the range that no proof covers, and that more than one does. */
  holeSeconds: number;
  overlapSeconds: number;
}

export interface ShipEvidence {
  ship: string;
  range: { from: string; to: string };
  cells: ComparedCells;
  ledger: LedgerSums;
}

export interface VerifyCounts {
  ship: string;
  cells: { source: number; matched: number };
}

/** The product's own word. */
export interface Verified {
  exitCode: number | null;
  said: string;
  reports: VerifyCounts[];
}

export interface Evidence {
  ships: ShipEvidence[];
  verified: Verified;
  changes: LedgerChanges;
  migrations: Migrations;
  /** Backends at work, and locks that are held, while no migration runs. */
  orphans: string[];
  /** Backends that are left when the workers have ended. */
  left: string[];
}

const SETTLE_MS = 15_000;

/** Looks at the databases when all is over; ends the workers. */
export async function gatherEvidence(stack: ChaosStack, fleet: Fleet): Promise<Evidence> {
  const orphans = await untilNone(() => busyBackends(stack.url));
  const verified = await verify(fleet, stack);
  const location = locateTemporal({ home: `${stack.folder}/.fairlead` }, {});
  await using temporal = await connectTemporal(location);
  const migrations = await listMigrations(temporal);
  await Promise.all(stack.workers.map((worker) => worker.process.stop()));
  const left = await untilNone(() => allBackends(stack.url));
  const client = await connectPlainly(stack.url, 'chaos');
  try {
    await client.query(`set jit = off; set work_mem = '256MB'; set timezone = 'UTC'`);
    const ships: ShipEvidence[] = [];
    for (const ship of fleet.ships) {
      const range = fleet.rangeOf(ship);
      const cells = await compareCells(client, ship, range);
      const ledger = await sumLedger(stack.url, ship, range);
      ships.push({ ship, range, cells, ledger });
    }
    const changes = await readChanges(stack.url);
    return { ships, verified, changes, migrations, orphans, left };
  } finally {
    await client.end();
  }
}

/** What `fairlead verify` says of all that the ledger knows, in one go. */
async function verify({ ships }: Fleet, stack: ChaosStack): Promise<Verified> {
  let outcome: Outcome;
  let tries = 0;
  do outcome = await stack.command('verify', ...ships, '--json').outcome;
  while ((outcome.exitCode === 75 || outcome.exitCode === 3) && ++tries < 10);
  const { exitCode, stdout, stderr } = outcome;
  return { exitCode, said: `${stdout}${stderr}`.trim(), reports: reportsIn(stdout) };
}

function reportsIn(stdout: string): VerifyCounts[] {
  try {
    return (JSON.parse(stdout) as { ships?: VerifyCounts[] }).ships ?? [];
  } catch {
    return [];
  }
}

/** What an attempt that was given up has left may live until the server notices. */
async function untilNone(look: () => Promise<string[]>): Promise<string[]> {
  for (const since = Date.now(); ; await sleep(500)) {
    const found = await look();
    if (found.length === 0 || Date.now() - since > SETTLE_MS) return found;
  }
}

const SESSION = `format('%s (%s since %s): %s', application_name, state, xact_start, left(query, 80))`;

/** A worker that lives watches how all ships stand, and one of them holds the lock for that. */
async function busyBackends(url: string): Promise<string[]> {
  const rows = await ask<{ who: string }>(
    url,
    `select ${SESSION} as who from pg_stat_activity where application_name like 'fairlead/%' and state <> 'idle'
     union all
     select format('%s holds %s %s', application_name, locktype, mode) from pg_locks join pg_stat_activity using (pid)
      where application_name like 'fairlead/%' and application_name <> 'fairlead/watch'
        and locktype in ('advisory', 'relation') and granted and state = 'idle'`,
  );
  return rows.map(({ who }) => who);
}

async function allBackends(url: string): Promise<string[]> {
  const rows = await ask<{ who: string }>(
    url,
    `select ${SESSION} as who from pg_stat_activity where application_name like 'fairlead/%'`,
  );
  return rows.map(({ who }) => who);
}

async function sumLedger(
  url: string,
  ship: string,
  { from, to }: ShipEvidence['range'],
): Promise<LedgerSums> {
  const [sums] = await ask<LedgerSums>(
    url,
    `with proof as (
       select *, ctid as row, tsrange(from_time, to_time) as span from fairlead.chunk where ship_id = $1 and status in ('done', 'empty')),
     span as (
       select tsrange($2::timestamptz at time zone 'UTC', $3::timestamptz at time zone 'UTC') as whole)
     select coalesce(sum(cells_read), 0)::int as read, coalesce(sum(cells_written), 0)::int as written,
            coalesce(sum(cells_null), 0)::int as nulls, coalesce(sum(cells_quarantined), 0)::int as quarantined,
            (select count(*)::int from fairlead.chunk where ship_id = $1 and status = 'running') as running,
            (select count(*)::int from fairlead.chunk where ship_id = $1 and status = 'failed') as failed,
            (select coalesce(sum(extract(epoch from upper(hole) - lower(hole))), 0)::float8
               from (select unnest(tsmultirange(whole) - (select coalesce(range_agg(span), '{}') from proof)) as hole from span) h) as "holeSeconds",
            (select coalesce(sum(extract(epoch from upper(a.span * b.span) - lower(a.span * b.span))), 0)::float8
               from proof a join proof b on a.span && b.span and a.from_time <= b.from_time and a.row <> b.row) as "overlapSeconds"
       from proof`,
    [ship, from, to],
  );
  return sums!;
}
