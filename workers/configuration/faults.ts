import { z } from 'zod';
import { FairleadError } from '../../domain/errors.ts';
import type { KeyPath } from './locate-keys.ts';
import { nearest } from './nearest.ts';
import { configurationSchema } from './schema.ts';

/** One thing that is wrong, and where. */
export interface Fault {
  path: KeyPath;
  message: string;
}

/** Every fault that the schema finds; an unknown key names the known one that is nearest. */
export function faultsOf(error: z.ZodError): Fault[] {
  return error.issues.flatMap((issue): Fault[] =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => unknownKey(issue.path, key))
      : [{ path: issue.path, message: sentenceOf(issue) }],
  );
}

function sentenceOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'custom') return issue.message;
  if (/^(is|has) /.test(issue.message)) return issue.message;
  if (issue.code !== 'invalid_union') return `is not right: ${lowerFirst(issue.message)}`;
  return issue.errors.map((branch) => branch.map(sentenceOf).join(', ')).join(', or ');
}

/** Our own sentences begin with a verb; zod's with `Invalid input:` or `Too small:`. */
const lowerFirst = (message: string): string => {
  const text = message.replace(/^Invalid (input|option|string): /, '');
  return `${text[0]?.toLowerCase()}${text.slice(1)}`;
};

function unknownKey(path: KeyPath, key: string): Fault {
  const known = knownKeys(path);
  const near = nearest(key, known);
  const advice = near ? `did you mean ${near}?` : `known here: ${known.join(', ')}`;
  return { path: [...path, key], message: `is an unknown key; ${advice}` };
}

/** The keys that the schema has at a path. */
export function knownKeys(path: KeyPath): string[] {
  const schema = path.reduce<z.core.$ZodType | undefined>(stepInto, configurationSchema);
  const bare = schema && unwrap(schema);
  return bare instanceof z.ZodObject ? Object.keys(bare.shape) : [];
}

function stepInto(schema: z.core.$ZodType | undefined, key: PropertyKey) {
  const bare = schema && unwrap(schema);
  if (bare instanceof z.ZodArray) return bare.element;
  return bare instanceof z.ZodObject ? (bare.shape[String(key)] as z.core.$ZodType) : undefined;
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const wraps =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault;
  return wraps ? unwrap(schema.unwrap()) : schema;
}

/**
 * All faults in one error, in the order of their lines.
 *
 * @param lineOf the line of a path, or the environment variable that it came from
 */
export function invalidConfiguration(
  file: string,
  faults: readonly Fault[],
  lineOf: (path: KeyPath) => number | string | undefined,
): FairleadError {
  const located = faults.map((fault) => ({ ...fault, place: lineOf(fault.path) }));
  const ordered = located.toSorted((a, b) => rank(a.place) - rank(b.place));
  const lines = ordered.map(
    ({ path, message, place }) => `  ${[placeName(place), spell(path), message].join('')}`,
  );
  const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
  return new FairleadError('config-invalid', [`${file}: ${count}`, ...lines].join('\n'), {
    hint: 'correct what is named above, then repeat the command; fairlead.example.toml shows every key',
  });
}

const rank = (place: number | string | undefined): number =>
  typeof place === 'number' ? place : 0;

function placeName(place: number | string | undefined): string {
  if (place === undefined) return '';
  return typeof place === 'number' ? `line ${place}: ` : `${place}: `;
}

/** `channelGroups[1].file `, with quotes where TOML wants them. */
function spell(path: KeyPath): string {
  const parts = path.map((key) => {
    if (typeof key === 'number') return `[${key}]`;
    return /^[\w-]+$/.test(String(key)) ? `.${String(key)}` : `."${String(key)}"`;
  });
  return parts.length === 0 ? '' : `${parts.join('').replace(/^\./, '')} `;
}
