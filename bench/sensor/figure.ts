/** One figure of the bench, with what was promised. */
export interface Figure {
  /** Of the bench, for `--only`. */
  part: string;
  what: string;
  /** Undefined when it could not be measured here. */
  value: number | undefined;
  unit: string;
  target?: { atMost: number } | { atLeast: number } | { below: number };
  verdict: 'met' | 'missed' | 'no target' | 'skipped';
  /** How it came about, or why it could not be measured. */
  remark?: string;
  /** Single values, in the order in which they were taken. */
  values?: readonly number[];
}

type Told = Omit<Figure, 'verdict'>;

/** Judges a figure by its target. */
export function judged(figure: Told): Figure {
  return { ...figure, verdict: verdictOf(figure) };
}

export const skipped = (part: string, what: string, why: string): Figure => ({
  part,
  what,
  value: undefined,
  unit: '',
  verdict: 'skipped',
  remark: why,
});

function verdictOf({ value, target }: Told): Figure['verdict'] {
  if (target === undefined) return 'no target';
  if (value === undefined) return 'missed';
  const isMet =
    'atMost' in target
      ? value <= target.atMost
      : 'below' in target
        ? value < target.below
        : value >= target.atLeast;
  return isMet ? 'met' : 'missed';
}

export function targetText({ target, unit }: Figure): string {
  if (target === undefined) return '';
  const [word, number] = Object.entries(target)[0]!;
  const words: Record<string, string> = { atMost: 'at most', below: 'below', atLeast: 'at least' };
  return `${words[word]} ${number} ${unit}`.trimEnd();
}

/** Three digits that matter. */
export const rounded = (value: number): number =>
  Math.abs(value) >= 100 ? Math.round(value * 10) / 10 : Number(value.toPrecision(3));
