import { z } from 'zod';
import { parseTableName } from '../../domain/table-name.ts';
import { formatDurationMs, parseDurationMs } from '../../domain/time.ts';

export const DAY_MS = 86_400_000;

// What a field's value is, and one where it has no default, is told to the reference and the example by `kind` and `example`.

/** Applies a parser that throws a sentence, and makes the sentence a fault. */
const parsed = <T>(parse: (text: string) => T) =>
  z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });

/** A duration such as `2h`, longer than nothing; in milliseconds. */
export const duration = (mostMs = Number.POSITIVE_INFINITY) =>
  parsed((text) => {
    const ms = parseDurationMs(text);
    if (ms > 0 && ms <= mostMs) return ms;
    throw new RangeError(`"${text}" is no duration of ${ms <= 0 ? 'more than 0' : atMost(mostMs)}`);
  }).meta({ kind: Number.isFinite(mostMs) ? `duration, ${atMost(mostMs)}` : 'duration' });

const atMost = (ms: number): string => `at most ${formatDurationMs(ms)}`;

const BYTE_UNITS: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A number of bytes: `67108864` or `"64MiB"`. */
export const bytes = () =>
  z.union([z.int().positive(), parsed(parseBytes)], { error: NO_BYTES }).meta({ kind: 'size' });

const NO_BYTES = 'is no number of bytes, such as 67108864 or "64MiB"';

function parseBytes(text: string): number {
  const [, count, unit = 'B'] = /^(\d+)\s*(B|KiB|MiB|GiB)?$/.exec(text.trim()) ?? [];
  if (Number(count) > 0) return Number(count) * BYTE_UNITS[unit]!;
  throw new RangeError(NO_BYTES);
}

/** The URL itself is never repeated in a fault: it may bear a password. */
const url = (protocols: string[], example: string) =>
  z
    .string()
    .refine((text) => isUrl(text, protocols), {
      error: `is no URL such as ${example}; special characters in user and password must be percent-encoded (@ is %40, # is %23)`,
    })
    .meta({ kind: 'URL', example });

function isUrl(text: string, protocols: string[]): boolean {
  try {
    const found = new URL(text);
    decodeURIComponent(`${found.username}${found.password}${found.pathname}`);
    return protocols.includes(found.protocol);
  } catch {
    return false;
  }
}

export const postgresUrl = () =>
  url(['postgresql:', 'postgres:'], 'postgresql://reader@db.example/tenant_builder');
export const webSocketUrl = () => url(['ws:', 'wss:'], 'ws://sensor.example:5050');
export const httpUrl = () => url(['http:', 'https:'], 'http://sensor.example:9080');

export const port = () => z.int().min(1).max(65_535);

export const tableName = () => parsed(parseTableName).meta({ kind: 'schema.table' });

/** `schema.table` with `{ship}`, and `{group}` unless one group holds every channel. */
export const tableTemplate = () =>
  parsed((text) => {
    const table = parseTableName(text);
    const [unknown] = text.match(/\{(?!ship\}|group\})[^}]*\}?/) ?? [];
    if (unknown) throw new RangeError(`"${unknown}" is unknown; a table has {ship} and {group}`);
    if (!table.name.includes('{ship}')) {
      throw new RangeError(`"${text}" has no {ship} after the dot: all ships would share a table`);
    }
    return table;
  }).meta({ kind: 'schema.table' });
