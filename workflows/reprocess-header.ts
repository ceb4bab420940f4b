import { TypedSearchAttributes } from '@temporalio/common';
import { rangeTitle } from '../domain/migration-progress.ts';
import type { RangesInShort, ReprocessMemo, ReprocessShipInput } from '../domain/reprocess.ts';
import { migrationPhase, percentDone, shipId } from './messages.ts';

export interface ReprocessHeader {
  staticSummary: string;
  staticDetails: string;
  memo: ReprocessMemo & Record<string, unknown>;
  typedSearchAttributes: TypedSearchAttributes;
}

/** What the start of a reprocess tells the Temporal UI, also while no worker runs. */
export function reprocessHeader(
  { request: { ship } }: ReprocessShipInput,
  ranges: RangesInShort,
): ReprocessHeader {
  const { redo } = ranges;
  return {
    staticSummary: `${ship}: ${describeRanges(ranges)}`,
    staticDetails: `Moves the cells of **${ship}** in ${describeRanges(ranges)} from the narrow table into wide tables: ${redo ? 'all of them again' : 'what the ledger does not prove'}.`,
    memo: { ranges },
    typedSearchAttributes: new TypedSearchAttributes([
      { key: shipId, value: ship },
      { key: migrationPhase, value: 'planning' },
      { key: percentDone, value: 0 },
    ]),
  };
}

/** `3 ranges of 8.5 hours, 2025-06-15 14:40 → 2025-06-16 20:40`. */
export function describeRanges({ count, hours, from, to, redo }: RangesInShort): string {
  const noun = count === 1 ? 'range' : 'ranges';
  return `${count} ${noun} of ${hours} hours, ${rangeTitle({ from, to })}${redo ? ', proven chunks again' : ''}`;
}
