import type { Figure } from './figure.ts';

/** What every part of the bench gets. */
export interface Surroundings {
  /** A folder of its own. */
  folder: string;
  say: (line: string) => void;
}

export interface BenchPart {
  name: string;
  /** Parts that need the machine to themselves run one after the other; the rest, which mostly waits, at once. */
  isAlone: boolean;
  /** How long after the first of those: starting thirty clients at once would disturb the ladders' first second. */
  afterMs?: number;
  measure: (around: Surroundings) => Promise<Figure[]>;
}
