import { InvalidArgumentError } from 'commander';
import { FairleadError } from '../domain/errors.ts';
import { MAX_WINDOW, type MigrateShipInput } from '../domain/migration-progress.ts';
import { formatInstant, MS_US, parseDurationMs, parseInstant } from '../domain/time.ts';
import type { Configuration } from '../workers/configuration.ts';

/** What was typed; what was not typed is not set. */
export interface MigrationOptions {
  from?: string;
  to?: string;
  width?: number;
  window?: number;
  redo?: true;
}

const DAY_MS = 86_400_000;

/** Reads an instant for commander, into the form that workflows know. */
export function instant(text: string): string {
  try {
    return formatInstant(parseInstant(text));
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}

export function width(text: string): number {
  const ms = durationMs(text);
  if (ms >= 1_000 && ms <= DAY_MS) return ms;
  throw new InvalidArgumentError('Expected a width from 1s to 1d, such as 2h.');
}

function durationMs(text: string): number {
  try {
    return parseDurationMs(text);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}

export function chunksInFlight(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= MAX_WINDOW) return value;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${MAX_WINDOW}.`);
}

/** @throws {FairleadError} `usage-invalid` when `from` is not before `to` */
export function requireOrder(from: string | undefined, to: string): void {
  if (from === undefined || parseInstant(from) < parseInstant(to)) return;
  throw new FairleadError('usage-invalid', `--from ${from} is not before --to ${to}`, {
    hint: 'give a --from that is before --to',
  });
}

/** The workflow's input: what was typed, else what is configured; up to now, unless told otherwise. */
export function migrationInput(
  ship: string,
  { from, to, width: typedWidth, window, redo }: MigrationOptions,
  { migration, timing }: Configuration,
): MigrateShipInput {
  const end = to ?? formatInstant(Date.now() * MS_US);
  requireOrder(from, end);
  return {
    request: {
      ship,
      ...(from && { from }),
      to: end,
      widthMs: typedWidth ?? migration.widthMs,
      redo: redo === true,
    },
    window: window ?? migration.window,
    timing,
  };
}
