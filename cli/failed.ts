import type { Command } from 'commander';
import type { Pool } from 'pg';
import {
  listFailedChunks,
  listLedgerShips,
  type FailedChunk,
} from '../activities/postgres/list-ledger.ts';
import { formatPostProc } from '../domain/post-proc.ts';
import { formatInstant } from '../domain/time.ts';
import { openDatabases } from '../workers/open-databases.ts';
import {
  addCommand,
  conclude,
  readConfiguration,
  writeData,
  type CommonOptions,
  type Outcome,
} from './command.ts';
import { neverMigrated } from './ship-status.ts';
import { renderTable } from './table.ts';

type Options = CommonOptions & { csv?: true };

/** `fairlead failed [ship…]` */
export function addFailed(program: Command): void {
  addCommand(program, {
    usage: 'failed',
    summary: 'list the chunks that failed, with what went wrong',
    examples: ['fairlead failed', 'fairlead failed IMO9986063 --csv > post_proc.csv'],
  })
    .argument('[ship...]', 'ship ids (default: all)')
    .option('--csv', 'in the form of post_proc.csv: ship, from, to')
    .action(async (ships: string[], options: Options) => {
      conclude(await listFailed(ships, options), options);
    });
}

async function listFailed(
  ships: readonly string[],
  options: Options,
): Promise<Outcome | undefined> {
  await using databases = openDatabases(readConfiguration(options), 1);
  await requireKnown(ships, databases.target);
  const failed = await listFailedChunks(databases.target, ships);
  if (options.csv && !options.json) {
    writeData(csvOf(failed));
    return undefined;
  }
  const json = failed.map(({ ship, fromUs, toUs, error }) => ({
    ship,
    from: formatInstant(fromUs),
    to: formatInstant(toUs),
    error,
  }));
  return {
    json: { failed: json },
    text: failed.length === 0 ? 'no chunk failed' : tableOf(failed),
  };
}

/** That no chunk of a mistyped ship failed would be no comfort. */
async function requireKnown(ships: readonly string[], target: Pool): Promise<void> {
  if (ships.length === 0) return;
  const known = await listLedgerShips(target);
  for (const ship of ships) if (!known.includes(ship)) throw neverMigrated(ship, known);
}

const csvOf = (failed: readonly FailedChunk[]): string => failed.map(formatPostProc).join('');

const tableOf = (failed: readonly FailedChunk[]): string =>
  renderTable(
    ['ship', 'from', 'to', 'error'].map((title) => ({ title })),
    failed.map(({ ship, fromUs, toUs, error }) => [
      ship,
      formatInstant(fromUs),
      formatInstant(toUs),
      error,
    ]),
  );
