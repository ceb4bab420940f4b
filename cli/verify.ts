import type { Command } from 'commander';
import { reportShip } from '../activities/postgres/summarize-ship.ts';
import { listLedgerShips } from '../activities/postgres/list-ledger.ts';
import { coverAll, isPositionSettled } from '../activities/postgres/late/late-mark.ts';
import { FairleadError } from '../domain/errors.ts';
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
import { verifyLate } from './verify-late.ts';
import { outcomeOfRepair, outcomeOfUnfinished, outcomeOfVerify } from './verification-outcome.ts';

type Options = CommonOptions & {
  fleet?: true;
  from?: string;
  to?: string;
  late?: true;
  repair?: true;
};

/** `fairlead verify <ship…> | --fleet` */
export function addVerify(program: Command): void {
  addCommand(program, {
    usage: 'verify',
    summary: 'compare source and target again, now, reading both anew',
    examples: [
      'fairlead verify IMO9976903',
      'fairlead verify IMO9976903 --from 2025-06-15',
      'fairlead verify IMO9976903 --repair',
      'fairlead verify IMO9976903 --late',
      'fairlead verify --fleet',
    ],
  })
    .argument('[ship...]', 'ship ids')
    .option('--fleet', 'the ships under [fleet]')
    .option('--from <time>', 'where to begin (default: where the ledger begins)', instant)
    .option('--to <time>', 'where to end (default: where the ledger ends)', instant)
    .option('--late', 'only look for cells that came after their chunk, and read only what is new')
    .option('--repair', 'migrate the chunks that differ again, and compare those anew')
    .action(async (ships: string[], options: Options) => {
      conclude(await verify(ships, options), options);
    });
}

async function verify(typed: readonly string[], options: Options): Promise<Outcome> {
  const configuration = readConfiguration(options);
  const ships = chooseShips(typed, options, configuration);
  if (options.late) return verifyLate(ships, options, configuration);
  const isWhole = options.from === undefined && options.to === undefined;
  const settled = isWhole ? await notePositions(ships, configuration) : [];
  const ranges = await readRanges(ships, options, configuration);
  const reports = await compareShips(ranges, configuration);
  const found = reports.filter((report) => typeof report === 'object');
  await coverShips(
    found.filter(({ ship, cells }) => settled.includes(ship) && cells.missing === 0),
    configuration,
  );
  if (found.length < reports.length) return outcomeOfUnfinished(ships, reports, options);
  if (options.repair) return outcomeOfRepair(await repairShips(found, configuration));
  return outcomeOfVerify(found, options);
}

/**
 * Notes how far the source has come before all is compared, so that the next `--late` can begin there.
 *
 * @returns the ships of which the comparison tells about all that lies before
 */
async function notePositions(
  ships: readonly string[],
  configuration: Configuration,
): Promise<string[]> {
  await using databases = openDatabases(configuration, 2);
  const known = await listLedgerShips(databases.target);
  const settled: string[] = [];
  for (const ship of ships.filter((each) => known.includes(each))) {
    try {
      if (await isPositionSettled(databases, ship)) settled.push(ship);
    } catch (error) {
      if (!(error instanceof FairleadError)) throw error;
      note(`${ship}: no position for verify --late was noted: ${error.message}`);
    }
  }
  return settled;
}

async function coverShips(
  ships: readonly { ship: string }[],
  configuration: Configuration,
): Promise<void> {
  if (ships.length === 0) return;
  await using databases = openDatabases(configuration, 1);
  for (const { ship } of ships) await coverAll(databases.target, ship);
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
