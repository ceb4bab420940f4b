import { formatNoun } from './format-figures.ts';
import type { Difference, InstantRange } from './migration.ts';
import { rangeTitle } from './migration-progress.ts';
import { shellWord } from './shell-word.ts';

/**
 * How cells that came late are found without reading the table: by an index on `id`, in the heap blocks that were
 * added, or by an index on `server_created_time`.
 */
export type LatePath = 'id' | 'blocks' | 'server_created_time';

export interface LateChunk extends InstantRange {
  cells: number;
}

/** What a look for late cells found of a ship. */
export interface LateLook extends InstantRange {
  ship: string;
  by: LatePath;
  cells: {
    /** That were read because they may be new, and lie in proven chunks. */
    source: number;
    matched: number;
    missing: number;
    quarantined: number;
  };
  /** Proven chunks that lack cells, oldest first. */
  chunks: LateChunk[];
  /** The first 20. */
  differences: Difference[];
  /** Sessions that were writing when the position was noted, and still are: what they wrote is not to be seen yet. */
  writers: number[];
  /** Chunks that were proven before any position was noted: the look says nothing of what came late to them. */
  uncovered: number;
}

const SAID_OF_PATH: Record<LatePath, string> = {
  id: 'by the index on id',
  blocks: 'in the heap blocks added since',
  server_created_time: 'by the index on server_created_time',
};

/** `12 cells came late, to 2 chunks (looked for by the index on id)`. */
export const sentenceOfLook = ({ by, cells, chunks }: LateLook): string =>
  cells.missing === 0
    ? `no cell came late (looked for ${SAID_OF_PATH[by]}, ${formatNoun(cells.source, 'cell')} compared)`
    : `${formatNoun(cells.missing, 'cell')} came late, to ${formatNoun(chunks.length, 'chunk')} (looked for ${SAID_OF_PATH[by]})`;

/** What such a look could not see, and what to type. */
export function limitsOfLook({ ship, by, writers, uncovered }: LateLook): string[] {
  return [
    ...(by === 'blocks'
      ? [
          `rows that filled gaps in older blocks were not looked at, which happens where several sessions insert rows of different length; fairlead verify ${shellWord(ship)} finds them, and so does --late with an index on id`,
        ]
      : []),
    ...(writers.length > 0
      ? [
          `a transaction that was writing to the source before its chunks were read is still open (${writersText(writers)}): repeat when it has ended: fairlead verify ${shellWord(ship)} --late`,
        ]
      : []),
    ...(uncovered > 0
      ? [
          `${formatNoun(uncovered, 'chunk')} were proven before a position in the source was noted, and only comparing all finds what came late to them; once: fairlead verify ${shellWord(ship)}`,
        ]
      : []),
  ];
}

/** A prepared transaction is no process's. */
function writersText(writers: readonly number[]): string {
  const pids = writers.filter((pid) => pid !== 0);
  return [
    ...(pids.length > 0 ? [`pid ${pids.join(', ')}`] : []),
    ...(pids.length < writers.length ? ['prepared, see pg_prepared_xacts'] : []),
  ].join('; ');
}

export const sentenceOfLateChunk = (ship: string, chunk: LateChunk): string =>
  `${ship} ${rangeTitle(chunk)}: ${formatNoun(chunk.cells, 'cell')} came late`;
