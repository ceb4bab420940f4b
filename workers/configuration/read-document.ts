import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { FairleadError } from '../../domain/errors.ts';
import { locateKeys, type KeyPath } from './locate-keys.ts';

export interface Document {
  /** Absolute; undefined where there is none, and everything has its default. */
  file: string | undefined;
  /** What messages call it. */
  name: string;
  content: Record<string, unknown>;
  lineOf(path: KeyPath): number | undefined;
}

const DEFAULT_NAME = 'fairlead.toml';

/**
 * Reads the file that was asked for, or the one in the folder where it exists.
 *
 * @throws {FairleadError} `config-invalid` when it cannot be read, or is no TOML
 */
export function readDocument(file: string | undefined, folder: string): Document {
  const path = resolve(folder, file ?? DEFAULT_NAME);
  const name = file ?? DEFAULT_NAME;
  const text = readText(path, name, file !== undefined);
  if (text === undefined) {
    return { file: undefined, name: 'environment', content: {}, lineOf: () => undefined };
  }
  return { file: path, name, content: parseToml(text, name), lineOf: locateKeys(text) };
}

function readText(path: string, name: string, mustExist: boolean): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !mustExist) return undefined;
    const reason = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`;
    throw new FairleadError('config-invalid', `${name}: ${reason}`, {
      hint: `name a file with --config, or begin with: cp fairlead.example.toml ${basename(path)}`,
      cause: error,
    });
  }
}

/** Only the first line of the parser's message: the others repeat the document, and maybe a password. */
function parseToml(text: string, name: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split('\n')[0]!.replace('Invalid TOML document: ', '');
    throw new FairleadError(
      'config-invalid',
      `${name}: 1 fault\n  line ${error.line}, column ${error.column}: ${reason}`,
      {
        hint: 'text stands in double quotes, a table in [brackets]; fairlead.example.toml shows every key',
      },
    );
  }
}
