/** What a migration would meet: nothing to do, something to know, or something that a person has to change first. */
export type CheckVerdict = 'good' | 'look' | 'stop';

/** The headings of a preflight's report, in its order. */
export const checkGroups = [
  'servers',
  'sessions',
  'connections',
  'rights',
  'source table',
  'ships',
  'room',
  'Temporal',
] as const;

export type CheckGroup = (typeof checkGroups)[number];

/** One line of a preflight's report. */
export interface Check {
  group: CheckGroup;
  /** `source`, `target`, a ship, or empty. */
  about: string;
  name: string;
  verdict: CheckVerdict;
  found: string;
  /** SQL, a command, or lines of `fairlead.toml`, ready to paste; null where there is nothing to do. */
  fix: string | null;
}

/** What a ship's migration would cost from now on: chunks that the ledger proves are left out. */
export interface ShipEstimate {
  ship: string;
  from: string;
  to: string;
  chunks: number;
  estimatedCells: number;
  estimatedSeconds: number;
}

/** What `fairlead preflight` found. */
export interface PreflightReport {
  checks: Check[];
  ships: ShipEstimate[];
  /** False when a database did not answer, so that what it would have said is missing. */
  reached: boolean;
}

/** A check's name in the JSON document, of which each is there once. */
export const nameOfCheck = ({ about, name }: Check): string => (about ? `${about} ${name}` : name);

/** Makes the checks of one group and subject. */
export const checksOf = (group: CheckGroup, about: string) => ({
  good: (name: string, found: string): Check => ({
    group,
    about,
    name,
    verdict: 'good',
    found,
    fix: null,
  }),
  look: (name: string, found: string, fix: string | null = null): Check => ({
    group,
    about,
    name,
    verdict: 'look',
    found,
    fix,
  }),
  stop: (name: string, found: string, fix: string | null): Check => ({
    group,
    about,
    name,
    verdict: 'stop',
    found,
    fix,
  }),
});
