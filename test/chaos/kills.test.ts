import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { ShipReport } from '../../domain/migration.ts';
import { startOwnStack, type Command, type OwnStack, type Victim } from './own-stack.ts';

const SHIP = 'IMO9976903';
const RANGE = ['--from', '2025-06-15T00:00Z', '--to', '2025-06-15T03:00Z'];
const CHUNKS = 36;
const QUICK_TIMERS = `
[migration]
width = "5m"
window = 2
[timing]
heartbeatTimeout = "3s"
retryInitial = "300ms"
retryMaximum = "2s"
transientWait = ["1s", "2s"]
`;
/** Each of them, this often, in one migration. */
const KILLS = 3;

const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);

test(`a migration whose processes are killed over and over loses and doubles nothing (CHAOS_SEED=${seed})`, async () => {
  await using stack = await startOwnStack(QUICK_TIMERS);
  const generated = await stack.start('generate', '--ships', '1', '--hours', '3').outcome;
  expect(generated.exitCode, generated.stderr).toBe(0);

  const commits = new Commits();
  let migration = stack.start('migrate', SHIP, ...RANGE);
  for (const victim of victims()) {
    await untilMoreIsCommitted(stack, commits, 1);
    await sleep(random() * 300);
    if (victim === 'command') migration = await killAndRepeat(stack, migration);
    else await stack.kill(victim);
  }
  const { exitCode, json, stderr } = await untilItConnects(stack, migration);

  expect(exitCode, stderr).toBe(0);
  await commits.look(stack);
  expect(commits.changed).toEqual([]);
  const [ship] = (json as { ships: ShipReport[] }).ships;
  expect(ship).toMatchObject({
    phase: 'finished',
    verified: true,
    chunks: { total: CHUNKS, done: CHUNKS },
  });
  await expectNoHoleAndNoDouble(stack, ship!);
}, 180_000);

/** Every kind of process, in an order that the seed decides. */
function victims(): (Victim | 'command')[] {
  const kinds: (Victim | 'command')[] = ['worker', 'postgres', 'temporal', 'command'];
  const all = Array.from({ length: KILLS }, () => kinds).flat();
  return all
    .map((victim) => ({ victim, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ victim }) => victim);
}

async function killAndRepeat(stack: OwnStack, migration: Command): Promise<Command> {
  migration.child.kill('SIGKILL');
  await migration.outcome;
  return stack.start('migrate', SHIP, ...RANGE);
}

/** A command that finds Temporal or the worker just being started again says so and ends; the migration goes on. */
async function untilItConnects(stack: OwnStack, migration: Command): Command['outcome'] {
  let outcome = await migration.outcome;
  for (let tries = 0; saysRepeat(outcome) && tries < 20; tries++) {
    outcome = await stack.start('migrate', SHIP, ...RANGE).outcome;
  }
  return outcome;
}

const saysRepeat = ({ exitCode, stderr }: Awaited<Command['outcome']>): boolean =>
  exitCode === 75 || (exitCode === 3 && stderr.includes('no worker answers'));

/** When each chunk was committed: a chunk that is committed must not be copied again. */
class Commits {
  readonly seen = new Map<string, string>();
  readonly changed: string[] = [];

  async look(stack: OwnStack): Promise<void> {
    const rows = await stack.query<{ chunk: string; at: string }>(
      `select from_time::text as chunk, committed_at::text as at from fairlead.chunk where status = 'done'`,
    );
    for (const { chunk, at } of rows) {
      if (this.seen.has(chunk) && this.seen.get(chunk) !== at) this.changed.push(chunk);
      this.seen.set(chunk, at);
    }
  }
}

async function untilMoreIsCommitted(
  stack: OwnStack,
  commits: Commits,
  more: number,
): Promise<void> {
  const before = commits.seen.size;
  const startedAt = Date.now();
  while (commits.seen.size < before + more) {
    if (Date.now() - startedAt > 60_000)
      throw new Error(`no progress in 60 s after ${before} chunks`);
    if (await isPlanned(stack)) await commits.look(stack);
    await sleep(50);
  }
}

async function isPlanned(stack: OwnStack): Promise<boolean> {
  const [row] = await stack.query<{ planned: boolean }>(
    `select to_regclass('fairlead.chunk') is not null as planned`,
  );
  return row!.planned;
}

async function expectNoHoleAndNoDouble(stack: OwnStack, ship: ShipReport): Promise<void> {
  const [ledger] = await stack.query<{ chunks: number; span: string; cells: number }>(
    `select count(*)::int as chunks, sum(to_time - from_time)::text as span, sum(cells_written)::int as cells
       from fairlead.chunk where status = 'done'`,
  );
  expect(ledger).toEqual({ chunks: CHUNKS, span: '03:00:00', cells: ship.cells.written });
  const [overlap] = await stack.query<{ pairs: number }>(
    `select count(*)::int as pairs from fairlead.chunk a join fairlead.chunk b
         on (a.from_time, a.to_time) < (b.from_time, b.to_time) and a.from_time < b.to_time and b.from_time < a.to_time`,
  );
  expect(overlap).toEqual({ pairs: 0 });
  const [source] = await stack.query<{ cells: number }>(
    `select count(*)::int as cells from tenant.tbl_data_timeseries where ship_id = '${SHIP}'`,
  );
  const verified = await stack.start('verify', SHIP, ...RANGE).outcome;
  expect(verified.exitCode, verified.stderr).toBe(0);
  expect(verified.json).toMatchObject({
    ships: [
      {
        cells: {
          source: source!.cells,
          matched: source!.cells,
          missing: 0,
          different: 0,
          extra: 0,
        },
      },
    ],
  });
}

/** A linear congruential generator: the same seed gives the same order of kills. */
let state = seed;
function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}
