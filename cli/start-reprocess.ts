import { createHash } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { mergeSpans, subtractSpans, type Span } from '../domain/chunk-planning.ts';
import { FairleadError } from '../domain/errors.ts';
import type { InstantRange } from '../domain/migration.ts';
import { rangeOf } from '../domain/migration-progress.ts';
import type { Names } from '../domain/names.ts';
import type { FailedRange } from '../domain/post-proc.ts';
import {
  MAX_RANGES,
  MAX_REPROCESS_WIDTH_MS,
  type RangesInShort,
  type ReprocessMemo,
  type ReprocessShipInput,
} from '../domain/reprocess.ts';
import { formatInstant, HOUR_US } from '../domain/time.ts';
import type { Configuration } from '../workers/configuration.ts';
import type { TemporalClient } from '../workers/temporal-client.ts';
import { describeRanges, reprocessHeader } from '../workflows/reprocess-header.ts';
import type { reprocessShip } from '../workflows/reprocess-ship.ts';
import { describeRun } from './ask-workflow.ts';
import { shellWord } from '../domain/shell-word.ts';

export type ReprocessHandle = WorkflowHandle<typeof reprocessShip>;

/** One ship's ranges, each instant in one of them at most. */
export interface RangesOfShip {
  ship: string;
  spans: Span[];
}

/**
 * The ranges of a file, ship by ship.
 *
 * @throws {FairleadError} `ranges-invalid` where a ship has more than one workflow takes
 */
export function rangesByShip(ranges: readonly FailedRange[]): RangesOfShip[] {
  const ships = new Set(ranges.map(({ ship }) => ship));
  const merged = [...ships].map((ship) => ({
    ship,
    spans: mergeSpans(ranges.filter((range) => range.ship === ship)),
  }));
  const tooMany = merged.find(({ spans }) => spans.length > MAX_RANGES);
  if (!tooMany) return merged;
  const { ship, spans } = tooMany;
  const message = `${ship} has ${spans.length} separate ranges, at most ${MAX_RANGES} go at once`;
  throw new FairleadError('ranges-invalid', message, {
    hint: `split the file: split -l ${MAX_RANGES} FILE; then reprocess one part after the other`,
  });
}

/** What the proofs leave of the ships' ranges. */
export const openParts = (
  ships: readonly RangesOfShip[],
  proofs: readonly FailedRange[],
): FailedRange[] =>
  ships.flatMap(({ ship, spans }) => {
    const own = mergeSpans(proofs.filter((proof) => proof.ship === ship));
    return spans.flatMap((span) => subtractSpans(span, own)).map((span) => ({ ship, ...span }));
  });

/** @param redo also what the ledger proves, and where it was damaged, as it is in the source */
export function reprocessInput(
  { ship, spans }: RangesOfShip,
  redo: boolean,
  { migration, timing }: Configuration,
): ReprocessShipInput {
  const ranges = spans.map(rangeOf);
  const [from, to] = [ranges[0]!.from, ranges.at(-1)!.to];
  const widthMs = Math.min(migration.widthMs, MAX_REPROCESS_WIDTH_MS);
  const request = { ship, from, to, widthMs, redo };
  return { request, ranges, window: migration.window, timing, ...(redo && { repair: true }) };
}

/** Enough to know a list of ranges again. */
export const digestOf = (ranges: readonly InstantRange[]): string =>
  createHash('sha256')
    .update(ranges.map(({ from, to }) => `${from},${to}`).join(';'))
    .digest('hex')
    .slice(0, 16);

function inShort({ spans }: RangesOfShip, redo: boolean): RangesInShort {
  const us = spans.reduce((sum, { fromUs, toUs }) => sum + toUs - fromUs, 0);
  return {
    from: formatInstant(spans[0]!.fromUs),
    to: formatInstant(spans.at(-1)!.toUs),
    count: spans.length,
    hours: Math.round((us / HOUR_US) * 10) / 10,
    digest: digestOf(spans.map(rangeOf)),
    redo,
  };
}

/**
 * Starts the reprocess of each ship, or joins the one that runs with the same ranges.
 *
 * @throws {FairleadError} `migration-differs`, with both, before any is started
 */
export async function startReprocesses(
  { client }: TemporalClient,
  names: Names,
  ships: readonly RangesOfShip[],
  redo: boolean,
  configuration: Configuration,
): Promise<{ ship: string; handle: ReprocessHandle }[]> {
  const handleOf = (ship: string) =>
    client.workflow.getHandle<typeof reprocessShip>(names.reprocessShip(ship));
  for (const each of ships) await requireSame(handleOf(each.ship), each, redo);
  const started: { ship: string; handle: ReprocessHandle }[] = [];
  for (const each of ships) {
    const input = reprocessInput(each, redo, configuration);
    await client.workflow.start<typeof reprocessShip>('reprocessShip', {
      workflowId: names.reprocessShip(each.ship),
      taskQueue: names.taskQueue,
      args: [input],
      workflowIdConflictPolicy: 'USE_EXISTING',
      ...reprocessHeader(input, inShort(each, redo)),
    });
    const handle = handleOf(each.ship);
    await requireSame(handle, each, redo);
    started.push({ ship: each.ship, handle });
  }
  return started;
}

async function requireSame(
  handle: ReprocessHandle,
  ranges: RangesOfShip,
  redo: boolean,
): Promise<void> {
  const running = await describeRunning(handle);
  const asked = inShort(ranges, redo);
  if (!running || (running.digest === asked.digest && running.redo === asked.redo)) return;
  const { ship } = ranges;
  throw new FairleadError(
    'migration-differs',
    `${ship}: a reprocess of ${describeRanges(running)} runs already; asked was ${describeRanges(asked)}`,
    {
      hint: `the same file joins it; fairlead cancel ${shellWord(ship)} ends it, then repeat the command`,
    },
  );
}

async function describeRunning(handle: ReprocessHandle): Promise<RangesInShort | undefined> {
  const description = await describeRun(handle);
  if (description?.status.name !== 'RUNNING') return undefined;
  return (description.memo as unknown as ReprocessMemo).ranges;
}
