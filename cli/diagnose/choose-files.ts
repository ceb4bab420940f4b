import { constants } from 'node:fs';
import { access, open, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FairleadError } from '../../domain/errors.ts';
import { PAGE_BEGINNING } from './diagnosis-page.ts';
import { FORMAT_BYTES, foreignFormat } from './foreign-format.ts';
import { printable } from './printable.ts';
import { STDIN } from './read-logs.ts';

export interface ChosenFiles {
  logs: readonly string[];
  csv: string | undefined;
  html: string | undefined;
}

/**
 * Looks at all files before anything is read.
 *
 * @throws {FairleadError} `usage-invalid`, for all faults at once
 */
export async function requireFiles({ logs, csv, html }: ChosenFiles): Promise<void> {
  const faults = [
    ...(await Promise.all(logs.map(logFault))),
    ...(await repeated(logs)),
    ...(await outputFaults(csv, logs, isEmpty)),
    ...(await outputFaults(html, logs, isReplaceablePage)),
    ...(csv !== undefined && csv === html ? [`${csv} is named for both --csv and --html`] : []),
  ].filter((fault) => fault !== undefined);
  if (faults.length === 0) return;
  throw new FairleadError('usage-invalid', faults.map(printable).join('; '), {
    hint: 'name logs that are there, and outputs that are not, or remove those first',
  });
}

const READ_FAULTS: Record<string, string> = {
  ENOENT: 'is not there',
  ENOTDIR: 'is not there',
  EACCES: 'may not be read',
};

async function logFault(file: string): Promise<string | undefined> {
  if (file === STDIN) return undefined;
  try {
    if ((await stat(file)).isDirectory()) return `${file} is a folder`;
    return await formatFault(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return `${file} ${READ_FAULTS[String(code)] ?? `cannot be read: ${message}`}`;
  }
}

async function formatFault(file: string): Promise<string | undefined> {
  await access(file, constants.R_OK);
  if (!(await stat(file)).isFile()) return undefined;
  await using handle = await open(file);
  const { buffer } = await handle.read(Buffer.alloc(FORMAT_BYTES));
  return foreignFormat(buffer, file);
}

const pathOf = async (file: string): Promise<string> =>
  file === STDIN ? STDIN : realpath(file).catch(() => file);

/** Twice the same log would count each failure twice. */
async function repeated(logs: readonly string[]): Promise<string[]> {
  const paths = await Promise.all(logs.map(pathOf));
  const again = logs.filter((_, index) => paths.indexOf(paths[index]!) < index);
  return [...new Set(again)].map((file) => `${file} is named twice`);
}

/** Nothing is ever written over that a person may still need. */
async function outputFaults(
  file: string | undefined,
  logs: readonly string[],
  mayReplace: (file: string) => Promise<boolean>,
): Promise<string[]> {
  if (file === undefined) return [];
  const existing = await stat(file).catch(() => undefined);
  if (existing === undefined) return folderFaults(file);
  if (existing.isDirectory()) return [`${file} is a folder`];
  const paths = await Promise.all(logs.map(pathOf));
  if (paths.includes(await pathOf(file))) return [`${file} is one of the logs`];
  if (!existing.isFile() || (await mayReplace(file))) return [];
  return [`${file} is there already and is not empty`];
}

async function folderFaults(file: string): Promise<string[]> {
  const folder = dirname(file);
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    return [];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return [
      `${file}: the folder ${folder} ${code === 'EACCES' ? 'may not be written' : 'is not there'}`,
    ];
  }
}

const isEmpty = async (file: string): Promise<boolean> => (await stat(file)).size === 0;

/** An older report of this command may go: it can be made again. */
async function isReplaceablePage(file: string): Promise<boolean> {
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(PAGE_BEGINNING.length));
  return bytesRead === 0 || buffer.toString('utf8', 0, bytesRead) === PAGE_BEGINNING;
}
