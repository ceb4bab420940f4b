import type { Command } from 'commander';
import { reportShip } from '../activities/postgres/summarize-ship.ts';
import { listLedgerShips } from '../activities/postgres/list-ledger.ts';
import type { InstantRange } from '../domain/migration.ts';
import type { Configuration } from '../workers/configuration.ts';
import { openDatabases } from '../workers/open-databases.ts';
import { chooseShips } from './choose-ships.ts';
import {
  addCommand,
  conclude,
  note,
  readConfiguration,
  type CommonOptions,
  type Outcome,
} from './command.ts';
import { compareShips } from './compare-ships.ts';
import { instant, requireOrder } from './migration-options.ts';
import { repairShips } from './repair-ships.ts';
import { neverMigrated } from './ship-status.ts';
import { outcomeOfRepair, outcomeOfVerify } from './verification-outcome.ts';

type Options = CommonOptions & { from?: string; to?: string; repair?: true };

/** `fairlead verify <ship…>` */
export function addVerify(program: Command): void {
  addCommand(program, {
    usage: 'verify',
    summary: 'compare source and target again, now, reading both anew',
    examples: [
      'fairlead verify IMO9976903',
      'fairlead verify IMO9976903 --from 2025-06-15',
      'fairlead verify IMO9976903 --repair',
    ],
  })
    .argument('<ship...>', 'ship ids')
    .option('--from <time>', 'where to begin (default: where the ledger begins)', instant)
    .option('--to <time>', 'where to end (default: where the ledger ends)', instant)
    .option('--repair', 'migrate the chunks that differ again, and compare those anew')
    .action(async (ships: string[], options: Options) => {
      conclude(await verify(ships, options), options);
    });
}

async function verify(typed: readonly string[], options: Options): Promise<Outcome> {
  const configuration = readConfiguration(options);
  const ships = chooseShips(typed, {}, configuration);
  const ranges = await readRanges(ships, options, configuration);
  const reports = await compareShips(ranges, configuration);
  const found = reports.filter((report) => report !== undefined);
  if (found.length < reports.length)
    note(`detached; the verification goes on. To see it again: fairlead verify ${ships.join(' ')}`);
  else if (options.repair) return outcomeOfRepair(await repairShips(found, configuration));
  return outcomeOfVerify(found, options);
}

/** @throws {FairleadError} `ship-unknown` when neither the user nor the ledger says what to compare */
async function readRanges(
  ships: readonly string[],
  { from, to }: Options,
  configuration: Configuration,
): Promise<(InstantRange & { ship: string })[]> {
  await using databases = openDatabases(configuration, 1);
  const known = await listLedgerShips(databases.target);
  return await Promise.all(
    ships.map(async (ship) => {
      const report = known.includes(ship) ? await reportShip(databases, { ship }) : undefined;
      const range = { from: from ?? report?.from, to: to ?? report?.to };
      if (!range.from || !range.to) throw neverMigrated(ship, known);
      requireOrder(range.from, range.to);
      return { ship, from: range.from, to: range.to };
    }),
  );
}
