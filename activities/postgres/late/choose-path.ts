import type { LatePath } from '../../../domain/late-cells.ts';
import type { Leaf, SourcePosition } from './source-position.ts';

/** What of a leaf may be new: `before` and `after` bound it, in the path's own measure. */
export interface NewPart {
  leaf: string;
  by: LatePath | 'whole';
  from: string;
  to: string;
}

export type ChosenPath = { by: LatePath; parts: NewPart[] } | { reasons: string[] };

/**
 * So far back of the noted block inserted rows often go without a VACUUM: the free space map offers an inserter any
 * block of its own page of the map, 4,069 of them, and several inserters extend the table by up to 512 at once. That
 * also tells the whole map of gaps in older blocks, which short rows then fill: such a look is not certain.
 */
export const OVERLAP_BLOCKS = 8_192;
/** Stamps are set before the row is inserted: that may be so long before. */
export const STAMP_MARGIN = '1 hour';

/**
 * How what came since `noted` can be read, without reading the rest: by the way that relies on the least.
 *
 * @returns the reasons, where there is no such way
 * @see docs/migration.md#late
 */
export function choosePath(noted: SourcePosition, now: SourcePosition): ChosenPath {
  const reason = whyNotAtAll(now) ?? whyNotComparable(noted, now);
  if (reason !== undefined) return { reasons: [reason] };
  const byId = whyNotById(now) ?? whyNotById({ ...noted, leaves: [] }) ?? whyNoId(noted);
  if (byId === undefined)
    return { by: 'id', parts: partsBy('id', noted, now, noted.id ?? '0', now.id ?? '0') };
  const byStamp = whyNotByStamp(now) ?? whyNoStamp(noted);
  if (byStamp === undefined)
    return {
      by: 'server_created_time',
      parts: partsBy('server_created_time', noted, now, noted.stamp!, 'infinity'),
    };
  const byBlocks = whyNotByBlocks(noted, now);
  if (byBlocks === undefined) return { by: 'blocks', parts: blockParts(noted, now) };
  return { reasons: [byId, byStamp, byBlocks] };
}

/**
 * Where the next look begins after one of `by` that found all in its place: an id that it could not have seen stays
 * behind the position, for a look by an index on `id` that is made later.
 */
export function positionAfter(
  by: LatePath,
  noted: SourcePosition,
  now: SourcePosition,
): SourcePosition {
  switch (by) {
    case 'id':
      return now;
    case 'server_created_time':
      return { ...now, id: noted.id };
    case 'blocks':
      return { ...now, id: noted.id, stamp: noted.stamp };
    default:
      return by satisfies never;
  }
}

/** How late cells could be found that come from now on. */
export const pathFromNowOn = (now: SourcePosition): ChosenPath => choosePath(now, now);

const KINDS: Record<string, string> = {
  v: 'a view',
  m: 'a materialized view',
  f: 'a foreign table',
};

function whyNotAtAll({ isStandby, leaves }: SourcePosition): string | undefined {
  if (isStandby) return 'the source is a standby, which does not show who is writing';
  const other = leaves.find(({ kind }) => kind !== 'r');
  if (other) return `${other.name} is ${KINDS[other.kind] ?? 'no table'}`;
  const hidden = leaves.find(({ isReadable }) => !isReadable);
  return hidden && `the role may not read ${hidden.name} by itself (grant select on it)`;
}

function whyNotComparable(noted: SourcePosition, now: SourcePosition): string | undefined {
  if (noted.server !== now.server)
    return 'the source is another server than noted, or was restored or failed over since';
  return noted.table === now.table ? undefined : 'the narrow table was replaced since';
}

const isOld = (noted: SourcePosition, { oid }: Leaf): boolean =>
  noted.leaves.some((leaf) => leaf.oid === oid);

function whyNotById({ leaves, hasId, hasOrderlyIds }: SourcePosition): string | undefined {
  if (!hasId) return 'no column id';
  if (leaves.some(({ idIndex }) => idIndex === null)) return 'no index on id';
  return hasOrderlyIds
    ? undefined
    : 'id is not drawn here from one sequence with cache 1, so it does not grow with time';
}

const whyNoId = ({ id, leaves }: SourcePosition): string | undefined =>
  id === null && leaves.some(({ blocks }) => blocks > 0) ? 'no id was noted' : undefined;

function whyNotByStamp({ leaves, hasUnstamped }: SourcePosition): string | undefined {
  if (leaves.some(({ timeIndex }) => timeIndex === null)) return 'no index on server_created_time';
  return hasUnstamped ? 'rows without server_created_time' : undefined;
}

const whyNoStamp = ({ stamp }: SourcePosition): string | undefined =>
  stamp === null ? 'no server_created_time was noted' : undefined;

function whyNotByBlocks(noted: SourcePosition, now: SourcePosition): string | undefined {
  if (now.major < 14) return 'PostgreSQL 13 has no TID range scan';
  if (noted.statsReset !== now.statsReset) return 'the statistics were reset since';
  const faults = noted.leaves.flatMap((before) => {
    const after = now.leaves.find(({ oid }) => oid === before.oid);
    const fault = after && whyNotAppendOnly(before, after);
    return fault ? [fault] : [];
  });
  return faults[0];
}

function whyNotAppendOnly(before: Leaf, after: Leaf): string | undefined {
  const { name } = after;
  if (!after.isHeap) return `${name} is no heap`;
  if (before.filenode !== after.filenode || after.blocks < before.blocks)
    return `${name} was rewritten since`;
  if (before.deleted !== after.deleted) return `rows of ${name} were deleted since`;
  if (before.updated !== after.updated) return `rows of ${name} were updated since`;
  if (after.hasMap)
    return `${name} was vacuumed once, so that new rows go into the gaps of old blocks too`;
  return undefined;
}

/** A partition that was made or attached since is read wholly: all of it may be new. */
const partOf = (noted: SourcePosition, leaf: Leaf, part: NewPart): NewPart =>
  isOld(noted, leaf) ? part : { leaf: leaf.name, by: 'whole', from: '0', to: String(leaf.blocks) };

function partsBy(
  by: LatePath,
  noted: SourcePosition,
  now: SourcePosition,
  from: string,
  to: string,
): NewPart[] {
  return now.leaves.map((leaf) => partOf(noted, leaf, { leaf: leaf.name, by, from, to }));
}

function blockParts(noted: SourcePosition, now: SourcePosition): NewPart[] {
  return now.leaves.map((leaf) => {
    const before = noted.leaves.find(({ oid }) => oid === leaf.oid)?.blocks ?? 0;
    const from = String(Math.max(0, before - OVERLAP_BLOCKS));
    return partOf(noted, leaf, { leaf: leaf.name, by: 'blocks', from, to: String(leaf.blocks) });
  });
}
