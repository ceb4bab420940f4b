import { formatInstant, parseInstant, HOUR_US, SECOND_US } from '../domain/time.ts';

/** One failure as the old pipeline logged it, in two lines. */
export interface LoggedFailure {
  ship: string;
  seconds: number;
  error?: string;
  /** `2025-06-15 14:40:40.388958` */
  from?: string;
  to?: string;
  /** When it was logged. */
  atUs?: number;
}

export const EIGHT_SHIPS = [
  'IMO9976903',
  'IMO9976915',
  'IMO9976927',
  'IMO9976939',
  'IMO9986051',
  'IMO9986063',
  'IMO9986087',
  'IMO9986104',
] as const;

const FIRST_RANGE_US = parseInstant('2025-06-15 14:40:40.388958');
const BEGUN_US = parseInstant('2025-10-10 06:00:00');

/** How the old pipeline, and psycopg2, wrote a time: six decimals. */
export const pythonTime = (us: number): string => {
  const [text = '', fraction = ''] = formatInstant(us).slice(0, -1).replace('T', ' ').split('.');
  return `${text}.${fraction.padEnd(6, '0')}`;
};

/** The range of the n-th failure: six hours wide, on no hour. */
export const rangeOf = (index: number): { from: string; to: string } => {
  const fromUs = FIRST_RANGE_US + index * (6 * HOUR_US + 2_569);
  return { from: pythonTime(fromUs), to: pythonTime(fromUs + 6 * HOUR_US) };
};

/**
 * The durations of incident 1, made up from what was published of it: 90 failures, 950.27 to 8159.23 s, mean 7963.72,
 * median 8122.89, 89 over 7200 s, 88 over 7900 s, 42 times 8126.46 s. Which ones lie between is invented.
 */
export function incidentSeconds(): number[] {
  const published = [95_027, 815_923, ...Array.from({ length: 42 }, () => 812_646)];
  const invented = [735_218, 811_932, 813_371, 814_588];
  const total = 90 * 796_372;
  const left = total - [...published, ...invented].reduce((sum, each) => sum + each, 0);
  const between = Array.from({ length: 42 }, (_, index) => 790_703 + ((index * 3_117) % 11_750));
  const short = left - between.reduce((sum, each) => sum + each, 0);
  const spread = between.map(
    (each, index) =>
      each + Math.floor(short / 42) + (index < short - 42 * Math.floor(short / 42) ? 1 : 0),
  );
  return mixed([...published, ...invented, ...spread]).map((hundredths) => hundredths / 100);
}

/** Always in the same disorder. */
function mixed<T>(items: readonly T[]): T[] {
  return items.map((_, index) => items[(index * 37 + 11) % items.length]!);
}

/** Eight ships at once, each query of a ship begun when the one before it had failed. */
export function incidentFailures(): LoggedFailure[] {
  const clocks = EIGHT_SHIPS.map((_, lane) => BEGUN_US + lane * 25 * SECOND_US);
  const failures = incidentSeconds().map((seconds, index) => {
    const lane = index % 8;
    clocks[lane]! += seconds * SECOND_US;
    return {
      ship: EIGHT_SHIPS[lane]!,
      seconds,
      atUs: Math.floor(clocks[lane]!),
      ...rangeOf(index),
    };
  });
  return failures.toSorted((a, b) => a.atUs - b.atUs);
}

export interface LogOptions {
  lineEnd?: '\n' | '\r\n';
  /** A traceback after every n-th failure, and lines of other kinds between. */
  noiseEvery?: number;
  /** Every n-th failure is logged together with the one before it: both queries, then both ranges. */
  togetherEvery?: number;
}

/** The log that these failures leave, in the old pipeline's form. */
export function legacyLog(failures: readonly LoggedFailure[], options: LogOptions = {}): string {
  const { lineEnd = '\n', noiseEvery = 3, togetherEvery = 7 } = options;
  const lines: string[] = [];
  const held: string[] = [];
  failures.forEach((failure, index) => {
    const waits = togetherEvery > 0 && index % togetherEvery === 0 && index + 1 < failures.length;
    const stamp = stampOf(failures, waits ? index + 1 : index);
    const error = failure.error ?? 'connection already closed';
    const isNoisy = noiseEvery > 0 && index % noiseEvery === 0;
    if (isNoisy) lines.push(...noise(stamp, index));
    lines.push(queryLine(stamp, failure, error, index));
    if (isNoisy) lines.push(...traceback(failure, error));
    held.push(chunkLine(stamp, { ...rangeOf(index), ...failure }, error));
    if (!waits) lines.push(...held.splice(0));
  });
  return lines.map((line) => `${line}${lineEnd}`).join('');
}

const chunkLine = (stamp: string, { from, to }: { from: string; to: string }, error: string) =>
  `${stamp} | ERROR    | chunked_migration_strategy:migrate_chunk:255 - ❌ Failed to migrate chunk ${from} to ${to}: ${error}`;

const queryLine = (stamp: string, failure: LoggedFailure, error: string, index: number): string =>
  `${stamp} | ERROR    | thread_logger:error:42 - [${failure.ship}:Thread-${133_354_095_633_984 + index * 8_192}] Query failed after ${failure.seconds.toFixed(2)} seconds: ${error}`;

const stampOf = (failures: readonly LoggedFailure[], index: number): string =>
  pythonTime(failures[index]!.atUs ?? BEGUN_US + index * 100 * SECOND_US).slice(0, 19);

const noise = (stamp: string, index: number): string[] => [
  `${stamp} | INFO     | chunked_migration_strategy:migrate_chunk:198 - 🔄 Processing chunk ${index + 1}/1460`,
  `${stamp} | WARNING  | thread_logger:warning:38 - [${EIGHT_SHIPS[index % 8]}:Thread-${133_354_095_633_984 + index}] Retrying after 1 second`,
];

const traceback = ({ seconds }: LoggedFailure, error: string): string[] => [
  'Traceback (most recent call last):',
  '  File "/app/database.py", line 187, in execute_query',
  '    connection.rollback()',
  `psycopg2.InterfaceError: ${error}`,
  'During handling of the above exception, another exception occurred:',
  `RuntimeError: Query failed after ${seconds.toFixed(2)} seconds: ${error}`,
];
