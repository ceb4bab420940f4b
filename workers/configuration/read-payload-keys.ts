import { readFileSync } from 'node:fs';
import type { PayloadKey } from '../payload-cipher.ts';

const KEY_BYTES = 32;
const MAKE_ONE = 'make one with: echo "$(date +%F) $(openssl rand -base64 32)"';

/**
 * Reads a file of keys: an id and 32 bytes in base64 a line, the one that encrypts first.
 *
 * @throws {RangeError} a sentence, which has no key in it
 */
export function readPayloadKeys(file: string): PayloadKey[] {
  const keys = readText(file)
    .split('\n')
    .flatMap((line, index) => keyOf(line.trim(), `names ${file}, whose line ${index + 1}`));
  const twice = keys.find(({ id }, index) => keys.findIndex((key) => key.id === id) !== index);
  if (twice) throw new RangeError(`names ${file}, which has the id ${twice.id} twice`);
  if (keys.length === 0) throw new RangeError(`names ${file}, which has no key; ${MAKE_ONE}`);
  return keys;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new RangeError(`names ${file}, which cannot be read (${code})`);
  }
}

function keyOf(line: string, subject: string): PayloadKey[] {
  if (line === '' || line.startsWith('#')) return [];
  const [, id, encoded = ''] = /^([\w.-]{1,64})\s+([A-Za-z0-9+/]+=*)$/.exec(line) ?? [];
  if (id === undefined) throw new RangeError(`${subject} is no id and key; ${MAKE_ONE}`);
  const key = Buffer.from(encoded, 'base64');
  if (key.length === KEY_BYTES) return [{ id, key }];
  throw new RangeError(
    `${subject} has a key of ${key.length} bytes, expected ${KEY_BYTES}; ${MAKE_ONE}`,
  );
}
