import { FairleadError } from '../../../domain/errors.ts';
import { formatNoun } from '../../../domain/format-figures.ts';
import { limitsOfLook, type LateChunk, type LateLook } from '../../../domain/late-cells.ts';
import type { ChunkBatch, PlanChunksInput, ShipPlan } from '../../../domain/migration.ts';
import { spanOf } from '../../../domain/migration-progress.ts';
import { formatDurationMs, parseInstant } from '../../../domain/time.ts';
import { withConnection } from '../connection.ts';
import { supersedeProofs } from '../ledger.ts';
import type { MigrationDatabases } from '../migration-databases.ts';
import { planChunks } from '../plan-chunks.ts';
import { findLateCells, type LookOptions } from './find-late-cells.ts';
import { ensureMark, loadMark, settleMark } from './late-mark.ts';
import { ledgerOf } from '../ledger-schema.ts';
import { shellWord } from '../../../domain/shell-word.ts';

/** So often a migration copies late cells: behind a ship that keeps sending old data it would never end. */
export const MAX_ROUNDS = 10;

/**
 * {@link planChunks}; where a sweep over the ship begins, chunks to which cells came late are made open again before. So the
 * last sweep, which looks for holes, finds them, and another one follows, until nothing is new.
 *
 * @param timeoutMs what an attempt may take; a look gets half of that
 * @see docs/migration.md#late
 */
export async function planChunksAndLate(
  databases: MigrationDatabases,
  input: PlanChunksInput,
  timeoutMs: number,
): Promise<ChunkBatch> {
  const { plan, cursor } = input;
  if (cursor === plan.from) await reopenLateChunks(databases, plan, timeoutMs / 2);
  else await settle(databases, plan);
  return planChunks(databases, input);
}

/** The sooner it is known that nobody writes any more who had begun before the plan, the fewer chunks are compared anew. */
async function settle(databases: MigrationDatabases, { ship }: ShipPlan): Promise<void> {
  const mark = await withTarget(databases, ship, (client) => loadMark(client, ship));
  await settleMark(databases, ship, mark);
}

async function reopenLateChunks(
  databases: MigrationDatabases,
  plan: ShipPlan,
  patienceMs: number,
): Promise<void> {
  const { ship } = plan;
  await ensureMark(databases, ship);
  const isLastRound = (await countRounds(databases, plan)) >= MAX_ROUNDS;
  let reopened: LateChunk[] = [];
  const reopen = async (chunks: readonly LateChunk[]) => {
    reopened = isLastRound ? [] : chunks.filter((chunk) => isWithin(chunk, plan));
    await withTarget(databases, ship, (client) =>
      supersedeProofs(client, ship, reopened.map(spanOf)),
    );
    return reopened.length === chunks.length;
  };
  try {
    const look = await lookPatiently(databases, ship, patienceMs, reopen);
    const left = look.chunks.filter((chunk) => !reopened.includes(chunk));
    const sentences = [...sentenceOnLeft(ship, left, isLastRound), ...limitsOfLook(look)];
    await record(databases, plan, sumOf(reopened), sentences.join('\n'));
  } catch (error) {
    if (!(error instanceof FairleadError) || error.code !== 'late-not-findable') throw error;
    const sentence = `late cells were not looked for: ${error.message} → ${error.hint ?? ''}`;
    await record(databases, plan, 0, sentence);
  }
}

/** A look that takes too long must not keep a migration from its end: months of a whole fleet may have come since. */
async function lookPatiently(
  databases: MigrationDatabases,
  ship: string,
  patienceMs: number,
  reopen: LookOptions['reopen'] & {},
): Promise<LateLook> {
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(tooMuch(ship, patienceMs)), patienceMs);
  const signal = AbortSignal.any([giveUp.signal, ...(databases.signal ? [databases.signal] : [])]);
  try {
    return await findLateCells({ ...databases, signal }, ship, { reopen });
  } finally {
    clearTimeout(timer);
  }
}

const tooMuch = (ship: string, patienceMs: number) =>
  new FairleadError(
    'late-not-findable',
    `${ship}: reading what is new of the source took longer than ${formatDurationMs(patienceMs)}, half of stepTimeout`,
    { hint: `fairlead verify ${shellWord(ship)} --late has no such limit.` },
  );

const sumOf = (chunks: readonly LateChunk[]): number =>
  chunks.reduce((sum, { cells }) => sum + cells, 0);

const isWithin = (chunk: LateChunk, plan: ShipPlan): boolean =>
  parseInstant(chunk.from) >= parseInstant(plan.from) &&
  parseInstant(chunk.to) <= parseInstant(plan.to);

function sentenceOnLeft(ship: string, left: readonly LateChunk[], isLastRound: boolean): string[] {
  if (left.length === 0) return [];
  const why = isLastRound ? `they kept coming after ${MAX_ROUNDS} rounds` : 'outside this range';
  return [
    `${formatNoun(sumOf(left), 'cell')} came late and were not copied (${why}): fairlead verify ${shellWord(ship)} --late --repair`,
  ];
}

const withTarget = <T>(
  { target, signal }: MigrationDatabases,
  ship: string,
  work: Parameters<typeof withConnection<T>>[2],
): Promise<T> => withConnection(target, { name: `fairlead/late/${ship}`, signal }, work);

async function countRounds(databases: MigrationDatabases, plan: ShipPlan): Promise<number> {
  const { rows } = await withTarget(databases, plan.ship, (client) =>
    client.query(
      `select rounds from ${ledgerOf(client)}.late_mark where ship_id = $1 and migration = $2::timestamptz`,
      [plan.ship, plan.startedAt],
    ),
  );
  return rows[0]?.rounds ?? 0;
}

async function record(
  databases: MigrationDatabases,
  plan: ShipPlan,
  found: number,
  outcome: string,
): Promise<void> {
  await withTarget(databases, plan.ship, (client) =>
    client.query(
      `update ${ledgerOf(client)}.late_mark
          set rounds = case when migration = $2::timestamptz then rounds else 0 end + $3,
              found = case when migration = $2::timestamptz then found else 0 end + $4,
              migration = $2::timestamptz, outcome = $5
        where ship_id = $1`,
      [plan.ship, plan.startedAt, found > 0 ? 1 : 0, found, outcome],
    ),
  );
}

/** What the looks of a migration have found, and could not: sentences for its end. */
export async function sayOfLate(databases: MigrationDatabases, plan: ShipPlan): Promise<string[]> {
  return withTarget(databases, plan.ship, async (client) => {
    if ((await loadMark(client, plan.ship)) === undefined) return [];
    const { rows } = await client.query(
      `select found::float8 as found, outcome from ${ledgerOf(client)}.late_mark where ship_id = $1 and migration = $2::timestamptz`,
      [plan.ship, plan.startedAt],
    );
    if (!rows[0]) return [];
    const { found, outcome } = rows[0] as { found: number; outcome: string };
    const said =
      found > 0
        ? [`${formatNoun(found, 'cell')} came late, and ${found === 1 ? 'was' : 'were'} copied`]
        : [];
    return [...said, ...outcome.split('\n').filter((sentence) => sentence !== '')];
  });
}
