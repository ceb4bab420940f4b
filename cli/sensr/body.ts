import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';

export const BODY_HELP = 'JSON, or @file, or - for stdin';

/** Reads a body for commander: what was typed, a file, or stdin. */
export function jsonBody(text: string): unknown {
  const json = contentOf(text);
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    throw new InvalidArgumentError(`That is no JSON: ${(error as Error).message}.`);
  }
}

export function jsonObject(text: string): Record<string, unknown> {
  const value = jsonBody(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new InvalidArgumentError('Expected a JSON object: {"name":"gate"}.');
}

function contentOf(text: string): string {
  if (text !== '-' && !text.startsWith('@')) return text;
  try {
    return readFileSync(text === '-' ? 0 : text.slice(1), 'utf8');
  } catch (error) {
    throw new InvalidArgumentError(`It cannot be read: ${(error as Error).message}.`);
  }
}
