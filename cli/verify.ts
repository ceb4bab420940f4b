import { WorkflowFailedError } from '@temporalio/client';
import type { Command } from 'commander';
import { reportShip } from '../activities/postgres/summarize-ship.ts';
import { listLedgerShips } from '../activities/postgres/list-ledger.ts';
import type { InstantRange } from '../domain/migration.ts';
import { namesOf } from '../domain/names.ts';
import type { VerifyReport } from '../domain/verification.ts';
import type { Configuration } from '../workers/configuration.ts';
import { openDatabases } from '../workers/open-databases.ts';
import { connectTemporal } from '../workers/temporal-client.ts';
import { locateTemporal } from '../workers/temporal-location.ts';
import { explained } from './ask-workflow.ts';
import { chooseShips } from './choose-ships.ts';
import {
  addCommand,
  conclude,
  note,
  readConfiguration,
  type CommonOptions,
  type Outcome,
} from './command.ts';
import { untilDetached } from './migrate-ships.ts';
import { instant, requireOrder } from './migration-options.ts';
import { openProgress } from './progress.ts';
import { neverMigrated } from './ship-status.ts';
import { formatCount, renderTable } from './table.ts';
import { startVerification, watchVerification } from './watch-verification.ts';
import { failureOfWorkflow } from './watch-migration.ts';

type Options = CommonOptions & { from?: string; to?: string };

/** `fairlead verify <ship…>` */
export function addVerify(program: Command): void {
  addCommand(program, {
    usage: 'verify',
    summary: 'compare source and target again, now, reading both anew',
    examples: ['fairlead verify IMO9976903', 'fairlead verify IMO9976903 --from 2025-06-15'],
  })
    .argument('<ship...>', 'ship ids')
    .option('--from <time>', 'where to begin (default: where the ledger begins)', instant)
    .option('--to <time>', 'where to end (default: where the ledger ends)', instant)
    .action(async (ships: string[], options: Options) => {
      conclude(await verify(ships, options), options);
    });
}

async function verify(typed: readonly string[], options: Options): Promise<Outcome | undefined> {
  const configuration = readConfiguration(options);
  const ships = chooseShips(typed, {}, configuration);
  const ranges = await readRanges(ships, options, configuration);
  await using temporal = await connectTemporal(locateTemporal(configuration));
  const names = namesOf(configuration.migration.installation);
  const { migration, timing } = configuration;
  using progress = openProgress({ unit: '%' });
  try {
    return await untilDetached(async (signal) => {
      const reports = await Promise.all(
        ranges.map(async (range) => {
          const { widthMs, window } = migration;
          const input = { ...range, widthMs, window, timing };
          const handle = await startVerification(temporal, names, input);
          const task = progress.task(range.ship, 100);
          const watcher = { note: progress.note.bind(progress), task, signal };
          return watchVerification(temporal, names, handle, watcher);
        }),
      );
      return outcomeOf(ships, reports);
    });
  } catch (error) {
    throw error instanceof WorkflowFailedError
      ? failureOfWorkflow(error)
      : explained(error, temporal);
  }
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

function outcomeOf(
  ships: readonly string[],
  reports: readonly (VerifyReport | undefined)[],
): Outcome {
  const done = reports.filter((report) => report !== undefined);
  if (done.length < reports.length)
    note(`detached; the verification goes on. To see it again: fairlead verify ${ships.join(' ')}`);
  const isWrong = done.some(({ cells }) => cells.missing + cells.different + cells.extra > 0);
  const rows = done.map(({ ship, from, to, cells }) => ({ ship, from, to, cells }));
  return { json: { ships: rows }, text: textOf(done), exitCode: isWrong ? 4 : 0 };
}

/** The first ones as sentences, how many more there are, and what to type. */
function differencesOf({ ship, from, to, cells, differences }: VerifyReport): string[] {
  const all = cells.missing + cells.different + cells.extra;
  if (all === 0) return [];
  const more = all - differences.length;
  return [
    ...differences,
    ...(more > 0 ? [`and ${formatCount(more)} more`] : []),
    `to copy what differs again: fairlead migrate ${ship} --from ${from} --to ${to} --redo`,
  ];
}

function textOf(reports: readonly VerifyReport[]): string {
  const titles = ['source', 'matched', 'missing', 'different', 'extra', 'quarantined'] as const;
  const columns = titles.map((title) => ({ title, align: 'right' }) as const);
  const table = renderTable(
    [{ title: 'ship' }, { title: 'from' }, { title: 'to' }, ...columns],
    reports.map(({ ship, from, to, cells }) => [
      ship,
      from,
      to,
      ...titles.map((title) => formatCount(cells[title])),
    ]),
  );
  return [table, ...reports.flatMap(differencesOf)].join('\n');
}
