import { setTimeout as sleep } from 'node:timers/promises';
import { fillDisk } from '../small-disk.ts';
import type { CuttablePath } from '../cuttable-path.ts';
import { ask, connectPlainly } from './ask.ts';
import type { FaultKind, PlannedFault } from './chaos-plan.ts';
import type { ChaosStack, ChaosWorker } from './chaos-stack.ts';
import { BRAKE_LOCK } from './databases.ts';
import type { Fleet } from './fleet.ts';

export interface World {
  stack: ChaosStack;
  fleet: Fleet;
}

/** Does what the fault says, and resolves when it is over; with `false` when it met nothing. */
type Deed = (world: World, fault: PlannedFault) => Promise<boolean | void>;

/** How long something that lies in wait does so: for a COMMIT, say. */
const AMBUSH_MS = 8_000;
const LOCK_PATIENCE = '5s';

const pick = <T>(list: readonly T[], choice: number): T =>
  list[Math.min(list.length - 1, Math.floor(choice * list.length))]!;

/** A second choice, independent enough of the first. */
const second = (choice: number): number => (choice * 97) % 1;

const workerOf = ({ stack }: World, { choice }: PlannedFault): ChaosWorker =>
  pick(stack.workers, choice);

const shipOf = ({ fleet }: World, { choice }: PlannedFault): string => pick(fleet.ships, choice);

const deeds: Record<FaultKind, Deed> = {
  'worker killed': (world, fault) => workerOf(world, fault).process.strike('SIGKILL', fault.forMs),
  'worker told to stop': (world, fault) =>
    workerOf(world, fault).process.strike('SIGTERM', fault.forMs),
  'worker stopped': async (world, fault) => {
    const { process } = workerOf(world, fault);
    process.signal('SIGSTOP');
    await sleep(fault.forMs);
    process.signal('SIGCONT');
  },
  'PostgreSQL killed': ({ stack }, { forMs }) => stack.postgres.strike('SIGKILL', forMs),
  'PostgreSQL shut down at once': ({ stack }, { forMs }) => stack.postgres.strike('SIGQUIT', forMs),
  'PostgreSQL restarted': ({ stack }, { forMs }) => stack.postgres.strike('SIGINT', forMs),
  'a backend killed': async ({ stack }, { choice }) => {
    const pids = await backends(stack);
    if (pids.length === 0) return false;
    process.kill(pick(pids, choice), 'SIGKILL');
    await ask(stack.url, 'select');
    return true;
  },
  'Temporal killed': ({ stack }, { forMs }) => stack.temporal.strike('SIGKILL', forMs),
  'Temporal restarted': ({ stack }, { forMs }) => stack.temporal.strike('SIGTERM', forMs),
  'backends terminated': (world, fault) => signalBackends(world, fault, 'pg_terminate_backend'),
  'backends cancelled': (world, fault) => signalBackends(world, fault, 'pg_cancel_backend'),
  'path cut': async (world, fault) => {
    const paths = pathsOf(world, fault);
    for (const path of paths) path.cut();
    await sleep(fault.forMs);
    for (const path of paths) path.mend();
  },
  'path black-holed': async (world, fault) => {
    const paths = pathsOf(world, fault);
    for (const path of paths) path.swallow();
    await sleep(fault.forMs);
    for (const path of paths) {
      if (second(fault.choice) < 0.5) path.reset();
      path.mend();
    }
  },
  'path reset': async (world, fault) => {
    for (const path of pathsOf(world, fault)) path.reset();
  },
  'message cut': (world, fault) => {
    const { source, target } = workerOf(world, fault).paths;
    const [path, from] = pick(
      [
        [source, 'server'],
        [target, 'client'],
        [target, 'server'],
      ] as const,
      second(fault.choice),
    );
    return path.cutMidMessage(from, AbortSignal.timeout(AMBUSH_MS));
  },
  'COMMIT lost': (world, fault) =>
    workerOf(world, fault).paths.target.loseCommit(AbortSignal.timeout(AMBUSH_MS)),
  'answer to COMMIT withheld': (world, fault) =>
    workerOf(world, fault).paths.target.withholdCommitted(
      fault.forMs,
      AbortSignal.timeout(AMBUSH_MS),
    ),
  'path to Temporal cut': async (world, fault) => {
    const { temporal } = workerOf(world, fault).paths;
    temporal.cut();
    await sleep(fault.forMs);
    temporal.mend();
  },
  'disk full': async ({ stack }, { forMs }) => {
    if (!('folder' in stack.disk)) return false;
    const free = await fillDisk(stack.disk.folder);
    await sleep(forMs);
    await free();
    return true;
  },
  'statements too slow': ({ stack }, { forMs }) =>
    asStranger(stack, forMs, `select pg_advisory_lock(${BRAKE_LOCK.join(', ')})`),
  'wide tables locked': async (world, fault) => {
    const tables = await wideTables(world.stack, shipOf(world, fault));
    if (tables.length === 0) return false;
    return asStranger(
      world.stack,
      fault.forMs,
      `lock table ${tables.join(', ')} in access exclusive mode`,
    );
  },
  'ledger rows locked': (world, fault) =>
    asStranger(
      world.stack,
      fault.forMs,
      `select from fairlead.chunk where ship_id = '${shipOf(world, fault)}' for update`,
    ),
  'hours locked': (world, fault) => {
    const ship = shipOf(world, fault);
    const { from, to } = world.fleet.hoursOf(ship);
    return asStranger(
      world.stack,
      fault.forMs,
      `select pg_advisory_xact_lock(hashtext('${ship}'), hour) from generate_series(
         (extract(epoch from timestamptz '${from}') / 3600)::int, (extract(epoch from timestamptz '${to}') / 3600)::int) hour`,
    );
  },
  'narrow table locked': ({ stack }, { forMs }) =>
    asStranger(stack, forMs, 'lock table tenant.tbl_data_timeseries in access exclusive mode'),
  paused: async (world, fault) => {
    const ship = shipOf(world, fault);
    const paused = await steer(world, ['pause', ship]);
    await sleep(fault.forMs);
    // Asked for and not confirmed: it may have happened.
    await steer(world, ['resume', ship]);
    return paused;
  },
  cancelled: (world, fault) => steer(world, ['cancel', shipOf(world, fault)]),
  'window changed': (world, fault) => {
    const window = 1 + Math.floor(second(fault.choice) * 5);
    return steer(world, ['set-window', shipOf(world, fault), String(window)]);
  },
  'command killed': async (world, fault) =>
    world.fleet.waiting.get(shipOf(world, fault))?.child.kill('SIGKILL') ?? false,
};

/** @returns false when the fault met nothing, or could not be done just then */
export async function commit(world: World, fault: PlannedFault): Promise<boolean> {
  return (await deeds[fault.kind](world, fault)) ?? true;
}

/** One path to the database, or both. */
function pathsOf(world: World, fault: PlannedFault): CuttablePath[] {
  const { source, target } = workerOf(world, fault).paths;
  return pick([[source], [target], [target], [source, target]], second(fault.choice));
}

async function backends({ url }: ChaosStack): Promise<number[]> {
  const rows = await ask<{ pid: number }>(
    url,
    `select pid from pg_stat_activity where application_name like 'fairlead/%' and state <> 'idle' order by pid`,
  );
  return rows.map(({ pid }) => pid);
}

/** One, some or all of them. */
async function signalBackends(
  { stack }: World,
  { choice }: PlannedFault,
  how: 'pg_terminate_backend' | 'pg_cancel_backend',
): Promise<boolean> {
  const pids = await backends(stack);
  if (pids.length === 0) return false;
  const first = Math.floor(choice * pids.length);
  const many = pick([1, 1, 3, pids.length], second(choice));
  await ask(stack.url, `select ${how}(pid) from unnest($1::int[]) pid`, [
    pids.slice(first, first + many),
  ]);
  return true;
}

async function wideTables({ url }: ChaosStack, ship: string): Promise<string[]> {
  const rows = await ask<{ name: string }>(
    url,
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = relnamespace
      where nspname = 'tenant' and relkind = 'r' and starts_with(relname, $1) order by 1`,
    [`tbl_data_timeseries_${ship.toLowerCase()}_`],
  );
  return rows.map(({ name }) => name);
}

/** A session of somebody else, which takes a lock and keeps it for a time. */
async function asStranger({ url }: ChaosStack, forMs: number, sql: string): Promise<boolean> {
  const client = await connectPlainly(url, 'stranger');
  try {
    await client.query(`begin; set local lock_timeout = '${LOCK_PATIENCE}'`);
    await client.query(sql);
    await sleep(forMs);
    return true;
  } finally {
    await client.end().catch(() => undefined);
  }
}

const STEERING_PATIENCE_MS = 60_000;

/** As a person does: again until it is confirmed, or nothing is there to be steered. */
async function steer({ stack, fleet }: World, words: readonly string[]): Promise<boolean> {
  for (const since = Date.now(); Date.now() - since < STEERING_PATIENCE_MS; await sleep(500)) {
    const { exitCode, stdout, stderr } = await stack.command(...words).outcome;
    if (exitCode === 0) return true;
    if (exitCode === 2) return false;
    if (exitCode !== 3 && exitCode !== 75)
      fleet.complaints.push(`${words.join(' ')} ended with ${exitCode}: ${stderr || stdout}`);
  }
  return false;
}
