import { readFileSync } from 'node:fs';
import { describeSource } from '../activities/postgres/narrow-table.ts';
import { listShips } from '../activities/postgres/channel-probes.ts';
import { withConnection } from '../activities/postgres/connection.ts';
import { listLedgerShips } from '../activities/postgres/list-ledger.ts';
import type { MigrationDatabases } from '../activities/postgres/migration-databases.ts';
import { FairleadError } from '../domain/errors.ts';
import { parsePostProc, type FailedRange, type LineFault } from '../domain/post-proc.ts';
import { MS_US } from '../domain/time.ts';
import { nearestShip } from '../workers/configuration.ts';
import { note } from './command.ts';

const MAX_FILE_BYTES = 16 * 1024 * 1024;
const SHOWN_FAULTS = 100;

/**
 * Reads a file of ranges as a whole, before anything is started because of it.
 *
 * @param name a path, or `-` for stdin
 * @param databases are asked only when the file has a range
 * @throws {FairleadError} `ranges-invalid` with all faults, each with its line
 */
export async function readRanges(
  name: string,
  databases: MigrationDatabases,
): Promise<FailedRange[]> {
  const file = name === '-' ? 'stdin' : name;
  const { ranges, faults, header } = parsePostProc(readBytes(name), Date.now() * MS_US);
  if (header) note(`${file}: line 1 is a header: ${header}`);
  const unknown = ranges.length === 0 ? [] : await unknownShips(ranges, faults, databases);
  const all = [...faults, ...unknown].toSorted((a, b) => a.line - b.line);
  if (all.length > 0) throw faulty(file, all);
  return ranges;
}

function readBytes(name: string): Buffer {
  try {
    const bytes = readFileSync(name === '-' ? 0 : name);
    if (bytes.length <= MAX_FILE_BYTES) return bytes;
    const text = `${name} has ${bytes.length} bytes, at most ${MAX_FILE_BYTES} are read at once`;
    throw new FairleadError('ranges-invalid', text, { hint: 'split the file' });
  } catch (error) {
    if (error instanceof FairleadError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = { ENOENT: 'is not there', EISDIR: 'is a folder', EACCES: 'may not be read' };
    const what = reason[code as keyof typeof reason] ?? `cannot be read: ${message}`;
    const hint = 'name a file with lines of ship,from,to, such as fairlead failed --csv writes';
    throw new FairleadError('ranges-invalid', `${name} ${what}`, { hint, cause: error });
  }
}

/** Faults of the file go before those of a database that cannot be asked. */
async function unknownShips(
  ranges: readonly (FailedRange & { line: number })[],
  faults: readonly LineFault[],
  databases: MigrationDatabases,
): Promise<LineFault[]> {
  const known = await knownShips(databases).catch((error: unknown) => {
    if (faults.length === 0) throw error;
    return undefined;
  });
  if (!known) return [];
  return ranges
    .filter(({ ship }) => !known.includes(ship))
    .map(({ line, ship }) => ({ line, message: `ship ${ship} is unknown${meant(ship, known)}` }));
}

function meant(ship: string, known: readonly string[]): string {
  const nearest = nearestShip(ship, known);
  return nearest ? `: did you mean ${nearest}?` : '';
}

async function knownShips({ source, sourceTable, target }: MigrationDatabases): Promise<string[]> {
  const ofSource = await withConnection(source, { name: 'fairlead/ships' }, async (client) => {
    await describeSource(client, sourceTable);
    return listShips(client, sourceTable);
  });
  return [...ofSource, ...(await listLedgerShips(target))];
}

function faulty(file: string, faults: readonly LineFault[]): FairleadError {
  const shown = faults.slice(0, SHOWN_FAULTS);
  const more = faults.length - shown.length;
  const text = [
    `${file}: ${faults.length === 1 ? '1 fault' : `${faults.length} faults`}, nothing was started`,
    ...shown.map(({ line, message }) => `  line ${line}: ${message}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ].join('\n');
  const isUtf8 = !faults.some(({ message }) => message.includes('UTF-8'));
  const hint = isUtf8
    ? 'correct these lines, then repeat the command'
    : 'convert the file (iconv -f latin1 -t utf-8 FILE > NEW; from PowerShell: -f utf-16), then repeat the command';
  return new FairleadError('ranges-invalid', text, { hint });
}
