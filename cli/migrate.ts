import type { Command } from 'commander';
import type { MigrateShipInput } from '../domain/migration-progress.ts';
import { namesOf, type Names } from '../domain/names.ts';
import { sideBySide } from '../domain/side-by-side.ts';
import type { Configuration } from '../workers/configuration.ts';
import { requireBothOrNeither } from '../workers/resolve-database.ts';
import { connectTemporal, type TemporalClient } from '../workers/temporal-client.ts';
import { locateTemporal } from '../workers/temporal-location.ts';
import { progress } from '../workflows/messages.ts';
import { askWorkflow, explained, workerAbsent } from './ask-workflow.ts';
import { chooseShips } from './choose-ships.ts';
import {
  addCommand,
  conclude,
  readConfiguration,
  type CommonOptions,
  type Outcome,
} from './command.ts';
import { outcomeOfShips, untilDetached, watchShips, type StartedShip } from './migrate-ships.ts';
import {
  chunksInFlight,
  instant,
  migrationInput,
  width,
  type MigrationOptions,
} from './migration-options.ts';
import { jsonOfReport, reportOfProgress } from './migration-verdict.ts';
import { polledOfLate } from './polled-of-late.ts';
import { startFleet, untilFleetEnds } from './start-fleet.ts';
import { startMigration } from './start-migration.ts';

type Options = CommonOptions & MigrationOptions & { fleet?: true; wait: boolean };

const QUESTIONS_AT_ONCE = 8;

/** `fairlead migrate <ship…>` */
export function addMigrate(program: Command): void {
  addCommand(program, {
    usage: 'migrate',
    summary: 'start, or join, the migration of each ship, and wait for it; Ctrl-C detaches',
    examples: [
      'fairlead migrate IMO9976903',
      'fairlead migrate IMO9976903 --from 2025-06-15 --to 2025-06-16 --window 4',
      'fairlead migrate --fleet --no-wait',
    ],
  })
    .argument('[ship...]', 'ship ids, such as IMO9976903')
    .option('--fleet', 'the ships under [fleet] in the configuration')
    .option('--from <time>', "where to begin (default: the ship's oldest cell)", instant)
    .option('--to <time>', 'where to end (default: now)', instant)
    .option(
      '--width <duration>',
      'how much time a chunk covers (default: as configured, 2h)',
      width,
    )
    .option(
      '--window <n>',
      'chunks of one ship in flight (default: as configured, 2)',
      chunksInFlight,
    )
    .option('--redo', 'do proven chunks again')
    .option('--no-wait', 'start, and leave it alone')
    .action(async (ships: string[], options: Options) => {
      conclude(await migrate(ships, options), options);
    });
}

async function migrate(typed: readonly string[], options: Options): Promise<Outcome> {
  const configuration = readConfiguration(options);
  requireBothOrNeither(configuration);
  const ships = chooseShips(typed, options, configuration);
  const inputs = ships.map((ship) => migrationInput(ship, options, configuration));
  await using temporal = await connectTemporal(locateTemporal(configuration));
  const names = namesOf(configuration.migration.installation);
  try {
    return await untilDetached(async (signal) => {
      const start = { temporal, names, configuration };
      const started = await startShips(start, inputs, options, signal);
      if (!options.wait) return outcomeOfStart(temporal, names, started);
      const watched = await watchShips(temporal, names, started, signal);
      if (options.fleet) await untilFleetEnds(start, signal);
      return outcomeOfShips(ships, watched);
    });
  } catch (error) {
    throw explained(error, temporal);
  }
}

export interface Start {
  temporal: TemporalClient;
  names: Names;
  configuration: Configuration;
}

async function startShips(
  start: Start,
  inputs: readonly MigrateShipInput[],
  options: Options,
  signal: AbortSignal,
): Promise<StartedShip[]> {
  if (options.fleet) return startFleet(start, inputs, options, signal);
  const started: StartedShip[] = [];
  for (const input of inputs) {
    const handle = await startMigration(start.temporal, start.names, input, options);
    started.push({ ship: input.request.ship, handle });
  }
  return started;
}

/** For `--no-wait`: what runs, and whether anybody works on it. */
async function outcomeOfStart(
  temporal: TemporalClient,
  names: Names,
  started: readonly StartedShip[],
): Promise<Outcome> {
  const underWay = started.filter(({ whenStarted }) => whenStarted === undefined);
  const replies = await sideBySide(underWay, QUESTIONS_AT_ONCE, async ({ handle }) => {
    const reply = await askWorkflow(temporal, handle, progress);
    if ('answer' in reply || reply.silence === 'no workflow') return reply;
    if (await polledOfLate(temporal, names.taskQueue)) return reply;
    throw workerAbsent(names, temporal);
  });
  const answers = replies.flatMap((reply) => ('answer' in reply ? [reply.answer] : []));
  return {
    json: { ships: answers.map(reportOfProgress).map(jsonOfReport) },
    text: answers.map(({ ship, phase }) => `${ship}: ${phase}`).join('\n'),
  };
}
