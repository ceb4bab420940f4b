import { findLateCells } from '../activities/postgres/late/find-late-cells.ts';
import { listLedgerShips } from '../activities/postgres/list-ledger.ts';
import type { MigrationDatabases } from '../activities/postgres/migration-databases.ts';
import { exitCodeOfKind, FairleadError } from '../domain/errors.ts';
import { formatCount } from '../domain/format-figures.ts';
import {
  limitsOfLook,
  sentenceOfLateChunk,
  sentenceOfLook,
  type LateLook,
} from '../domain/late-cells.ts';
import type { InstantRange } from '../domain/migration.ts';
import { spanOf } from '../domain/migration-progress.ts';
import { joinRanges, MAX_DIFFERING, sentenceOfDifference } from '../domain/verification.ts';
import type { Configuration } from '../workers/configuration.ts';
import { openDatabases } from '../workers/open-databases.ts';
import { note, type Outcome } from './command.ts';
import { worstOf } from './migrate-ships.ts';
import { reprocessShips } from './reprocess.ts';
import { neverMigrated } from './ship-status.ts';
import { renderTable } from './table.ts';
import type { Watched } from './watch-migration.ts';
import { shellWord } from '../domain/shell-word.ts';

/** What was found of a ship, and what its repair made of it. */
interface LateShip {
  ship: string;
  look?: LateLook;
  error?: FairleadError;
  repaired?: Watched;
  after?: LateLook;
}

/** Chunks that are named one by one. */
const NAMED_CHUNKS = 20;

/**
 * Looks for cells that came late, and copies their chunks again where that is asked for. It needs no worker to look.
 *
 * @throws {FairleadError} where no ship could be looked at: why the first one could not
 */
export async function verifyLate(
  ships: readonly string[],
  options: Partial<InstantRange> & { repair?: true },
  configuration: Configuration,
): Promise<Outcome> {
  await using databases = openDatabases(configuration, 3);
  const known = await listLedgerShips(databases.target);
  const found: LateShip[] = [];
  for (const ship of ships) {
    if (!known.includes(ship)) throw neverMigrated(ship, known);
    found.push({ ship, ...(await lookFor(databases, ship, options)) });
  }
  const failed = found.flatMap(({ error }) => error ?? []);
  if (failed.length === found.length) throw failed[0]!;
  if (options.repair) await repair(databases, found, options, configuration);
  return outcomeOf(found);
}

async function lookFor(
  databases: MigrationDatabases,
  ship: string,
  range: Partial<InstantRange>,
): Promise<Pick<LateShip, 'look' | 'error'>> {
  try {
    return { look: await findLateCells(databases, ship, range) };
  } catch (error) {
    if (error instanceof FairleadError && error.code === 'late-not-findable') return { error };
    throw error;
  }
}

/** Chunks that lack cells are done again as a whole, as `verify --repair` does it, and looked at once more. */
async function repair(
  databases: MigrationDatabases,
  found: LateShip[],
  range: Partial<InstantRange>,
  configuration: Configuration,
): Promise<void> {
  const lacking = found.filter(({ look }) => look && look.chunks.length > 0);
  if (lacking.length === 0) return;
  const ranges = lacking.map(({ ship, look }) => ({
    ship,
    spans: joinRanges(look!.chunks, MAX_DIFFERING).map(spanOf),
  }));
  const watched = await reprocessShips(ranges, true, configuration);
  for (const [index, one] of lacking.entries()) {
    one.repaired = watched[index]!;
    if (one.repaired.end !== 'finished') continue;
    const after = await lookFor(databases, one.ship, range);
    Object.assign(one, after.look ? { after: after.look } : after);
  }
}

function outcomeOf(found: readonly LateShip[]): Outcome {
  for (const sentence of found.flatMap(sentencesOn)) note(sentence);
  const looks = found.flatMap(({ look }) => look ?? []);
  return {
    json: { ships: found.flatMap(jsonOf) },
    text: tableOf(looks),
    exitCode: worstOf(found.map(exitCodeOf)),
  };
}

function sentencesOn({ ship, look, error, repaired, after }: LateShip): string[] {
  const last = after ?? look;
  return [
    ...(error ? [`${error.message} → ${error.hint ?? ''}`] : []),
    ...(look ? [`${ship}: ${sentenceOfLook(look)}`, ...namesOf(look)] : []),
    ...(look && look.cells.missing > 0 && !repaired
      ? [`to copy these chunks again: fairlead verify ${shellWord(ship)} --late --repair`]
      : []),
    ...(repaired ? [sentenceOnRepair(ship, repaired, after)] : []),
    ...(last ? limitsOfLook(last).map((sentence) => `${ship}: ${sentence}`) : []),
  ];
}

function namesOf({ ship, chunks, differences, cells }: LateLook): string[] {
  const more = cells.missing - differences.length;
  const moreChunks = chunks.length - NAMED_CHUNKS;
  return [
    ...chunks.slice(0, NAMED_CHUNKS).map((chunk) => sentenceOfLateChunk(ship, chunk)),
    ...(moreChunks > 0 ? [`and ${formatCount(moreChunks)} more chunks`] : []),
    ...differences.map((difference) => sentenceOfDifference(ship, difference)),
    ...(more > 0 ? [`and ${formatCount(more)} more cells`] : []),
  ];
}

function sentenceOnRepair(ship: string, repaired: Watched, after: LateLook | undefined): string {
  switch (repaired.end) {
    case 'failed':
      return `${repaired.error.message} → ${repaired.error.hint ?? ''}`;
    case 'cancelled':
      return `${ship}: the repair was cancelled`;
    case 'detached':
      return `detached; the repair of ${ship} goes on. To see what it made of it: fairlead verify ${shellWord(ship)} --late`;
    case 'finished':
      return after?.cells.missing === 0
        ? `${ship}: repaired, nothing is missing any more`
        : `${ship}: not all is repaired; why: fairlead failed ${shellWord(ship)}`;
    default:
      return repaired satisfies never;
  }
}

function exitCodeOf({ look, error, repaired, after }: LateShip): number {
  const last = after ?? look;
  const ofLook = last
    ? [last.cells.missing > 0 ? 4 : 0, last.uncovered > 0 ? 3 : 0, last.writers.length > 0 ? 75 : 0]
    : [];
  const chunksFailed = repaired?.end === 'finished' && repaired.report.chunks.failed > 0;
  return worstOf([
    ...ofLook,
    ...(error ? [exitCodeOfKind[error.kind]] : []),
    ...(repaired?.end === 'failed' ? [exitCodeOfKind[repaired.error.kind]] : []),
    ...(repaired?.end === 'detached' ? [75] : []),
    ...(chunksFailed ? [4] : []),
  ]);
}

function jsonOf({ look, repaired, after }: LateShip) {
  if (!look) return [];
  const { ship, from, to } = look;
  const chunks = repaired?.end === 'finished' ? repaired.report.chunks : null;
  return [
    {
      ship,
      from,
      to,
      cells: cellsOf(look),
      late: { by: look.by, chunks: look.chunks, uncovered: look.uncovered, writers: look.writers },
      ...(repaired && {
        repair: { ranges: look.chunks, chunks, cells: after ? cellsOf(after) : null },
      }),
    },
  ];
}

const cellsOf = ({ cells }: LateLook) => ({ ...cells, different: 0, extra: 0 });

function tableOf(looks: readonly LateLook[]): string {
  const right = { align: 'right' } as const;
  return renderTable(
    [
      { title: 'ship' },
      { title: 'from' },
      { title: 'to' },
      { title: 'looked for by' },
      { title: 'compared', ...right },
      { title: 'matched', ...right },
      { title: 'late', ...right },
      { title: 'chunks', ...right },
    ],
    looks.map(({ ship, from, to, by, cells, chunks }) => [
      ship,
      from,
      to,
      by,
      formatCount(cells.source),
      formatCount(cells.matched),
      formatCount(cells.missing),
      formatCount(chunks.length),
    ]),
  );
}
