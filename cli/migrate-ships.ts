import { exitCodeOfKind, type FairleadError } from '../domain/errors.ts';
import type { ShipReport } from '../domain/migration.ts';
import type { Names } from '../domain/names.ts';
import type { TemporalClient } from '../workers/temporal-client.ts';
import { note, type Outcome } from './command.ts';
import { MigrationBars } from './migration-bars.ts';
import { jsonOfReport, reportOfProgress, reportTable, verdictOn } from './migration-verdict.ts';
import { openProgress } from './progress.ts';
import type { MigrationHandle } from './start-migration.ts';
import { watchMigration, type Watched } from './watch-migration.ts';
import { shellWords } from '../domain/shell-word.ts';

export interface StartedShip {
  ship: string;
  handle: MigrationHandle;
  /** For a ship of a fleet that has to wait for its turn. */
  whenStarted?: Promise<void>;
}

/** Ctrl-C leaves the migrations alone. */
export async function untilDetached<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const detach = new AbortController();
  const onSignal = () => detach.abort();
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  try {
    return await run(detach.signal);
  } finally {
    process.removeListener('SIGINT', onSignal);
    process.removeListener('SIGTERM', onSignal);
  }
}

/** Follows the ships' migrations to their ends, with a bar for each. */
export async function watchShips(
  temporal: TemporalClient,
  names: Names,
  ships: readonly StartedShip[],
  signal: AbortSignal,
): Promise<Watched[]> {
  using progress = openProgress();
  const bars = new MigrationBars(progress);
  let watchedNow = 0;
  const watcher = {
    isTerminal: process.stderr.isTTY,
    onProgress: bars.show.bind(bars),
    note: bars.note.bind(bars),
    signal,
    watched: () => watchedNow,
  };
  return await Promise.all(
    ships.map(async ({ ship, handle, whenStarted }): Promise<Watched> => {
      await whenStarted;
      if (signal.aborted) return { end: 'detached', last: undefined };
      bars.begin(ship);
      watchedNow++;
      const watched = await watchMigration(temporal, names, handle, watcher).finally(
        () => watchedNow--,
      );
      if (watched.end === 'finished') bars.finish(watched.report);
      return watched;
    }),
  );
}

/**
 * What a command that followed migrations says in the end.
 *
 * @throws {FairleadError} the first ship's failure, when no other ship has anything to show
 */
export function outcomeOfShips(ships: readonly string[], watched: readonly Watched[]): Outcome {
  const failures = watched.flatMap((one) => (one.end === 'failed' ? [one.error] : []));
  const reports = watched.flatMap(reportsOf);
  if (failures.length > 0 && reports.length === 0) throw failures[0]!;
  const verdicts = watched.flatMap((one) =>
    one.end === 'finished' ? [verdictOn(one.report)] : [],
  );
  for (const { message, hint } of failures) note(hint ? `${message} → ${hint}` : message);
  for (const sentence of verdicts.flatMap(({ sentences }) => sentences)) note(sentence);
  if (watched.some(({ end }) => end === 'detached')) note(detachedSentence(ships));
  return {
    json: { ships: reports.map(jsonOfReport) },
    text: reports.length > 0 ? reportTable(reports) : '',
    exitCode: worstOf([...failures.map(exitCodeOf), ...verdicts.map(({ exitCode }) => exitCode)]),
  };
}

function reportsOf(watched: Watched): ShipReport[] {
  if (watched.end === 'finished') return [watched.report];
  if (watched.end === 'failed' || !watched.last) return [];
  const report = reportOfProgress(watched.last);
  return [watched.end === 'cancelled' ? { ...report, phase: 'cancelled' } : report];
}

const detachedSentence = (ships: readonly string[]): string =>
  `detached; the migration goes on. To see it: fairlead status --watch; to end it: fairlead cancel ${shellWords(ships)}`;

const exitCodeOf = ({ kind }: FairleadError): number => exitCodeOfKind[kind];

/** A bug first, then what a person must do, then what is not right, then what may work later. */
export function worstOf(exitCodes: readonly number[]): number {
  return [1, 2, 3, 4, 75].find((code) => exitCodes.includes(code)) ?? 0;
}
