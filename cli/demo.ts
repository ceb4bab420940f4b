import { resolve } from 'node:path';
import type { Command } from 'commander';
import { generateFleet } from '../activities/postgres/generate-fleet.ts';
import { importCells } from '../activities/postgres/import-cells.ts';
import {
  createNarrowTable,
  fillOwnTable,
  quoteTable,
} from '../activities/postgres/narrow-table.ts';
import { fleetShips } from '../domain/made-up-fleet.ts';
import { namesOf, type Names } from '../domain/names.ts';
import { parseInstant } from '../domain/time.ts';
import { loadConfiguration, type Configuration } from '../workers/configuration.ts';
import { openDatabases } from '../workers/open-databases.ts';
import { connectTemporal, type TemporalClient } from '../workers/temporal-client.ts';
import { addCommand, conclude, note, type CommonOptions, type Outcome } from './command.ts';
import { openDemoSensor, sensorProofTable, type DemoSensor } from './demo-sensor.ts';
import { fillSource } from './fill-source.ts';
import { outcomeOfShips, watchShips, worstOf, type StartedShip } from './migrate-ships.ts';
import { migrationInput } from './migration-options.ts';
import { projectFile, startOwnStack, temporalOf, type StackWishes } from './own-stack.ts';
import { openProgress } from './progress.ts';
import { startMigration } from './start-migration.ts';
import { untilToldToStop } from './until-told-to-stop.ts';

const VOYAGE = {
  ship: 'IMO9074729',
  file: 'data/plaka.csv.gz',
  from: '2014-06-01T08:00:00.000Z',
  to: '2014-06-01T16:00:00.000Z',
  rows: 210_133,
};
const FLEET = { ships: 2, hours: 6, seed: 1 };
const FLEET_RANGE = { from: '2025-06-15T00:00:00.000Z', to: '2025-06-15T06:00:00.000Z' };

/** `fairlead demo`, which is `npm start`: both halves of the main job, on servers of its own. */
export function addDemo(program: Command): void {
  addCommand(program, {
    usage: 'demo',
    summary:
      'migrate real ship data and hold a sensor stream, on servers of its own, and prove both',
    examples: ['fairlead demo', 'npm start'],
  }).action(async (options: CommonOptions) => {
    const stopped = untilToldToStop();
    const isTerminal = process.stdout.isTTY && !options.json;
    const { home, environment } = surroundingsOfDemo();
    await using sensor = await openDemoSensor(home);
    const { configFile } = sensor;
    const configuration = loadConfiguration({ file: configFile, environment });
    const wishes: StackWishes = { alone: true, configFile };
    const stack = await startOwnStack(configuration, wishes);
    try {
      await using temporal = await connectTemporal(temporalOf(stack, wishes));
      const outcome = await Promise.race([runDemo(configuration, temporal, sensor), stopped]);
      conclude(outcome ?? undefined, options);
      const after = isTerminal ? '' : ' (it ends now; "npx fairlead up" brings it back)';
      note(`Temporal UI: ${stack.temporalUi}${after}`);
      if (outcome && isTerminal) await stayUp(sensor, temporal, stopped);
    } finally {
      await stack.stop();
    }
  });
}

/** What is configured for real work is left out of the game: its file, its databases, its Temporal. */
function surroundingsOfDemo() {
  const {
    FAIRLEAD_SOURCE_URL,
    FAIRLEAD_TARGET_URL,
    FAIRLEAD_SOURCE_PASSWORD_FILE: _source,
    FAIRLEAD_TARGET_PASSWORD_FILE: _target,
    FAIRLEAD_PAYLOAD_KEY_FILE: _keys,
    ...environment
  } = process.env;
  if (FAIRLEAD_SOURCE_URL ?? FAIRLEAD_TARGET_URL)
    note('the demo leaves the configured databases alone, and uses its own');
  const home = resolve(process.env['FAIRLEAD_HOME'] ?? '.fairlead');
  return { home, environment: { ...environment, FAIRLEAD_HOME: home } };
}

async function stayUp(
  sensor: DemoSensor,
  temporal: TemporalClient,
  stopped: Promise<void>,
): Promise<void> {
  await sensor.start(temporal, namesOf());
  note('everything stays up; try "npx fairlead status" in another terminal; Ctrl-C stops it');
  await stopped;
  note('stopping');
  await sensor.stop(temporal, namesOf());
}

async function runDemo(
  configuration: Configuration,
  temporal: TemporalClient,
  sensor: DemoSensor,
): Promise<Outcome> {
  const names = namesOf();
  await sensor.start(temporal, names);
  await loadShips(configuration);
  await sensor.pullThePlug();
  const ships = await migrateShips(configuration, temporal, names);
  const proof = await sensor.prove(temporal, names);
  return {
    json: { ...(ships.json as object), sensors: [proof] },
    text: `${ships.text}\n\n${sensorProofTable(proof)}`,
    exitCode: worstOf([ships.exitCode ?? 0, proof.verified ? 0 : 4]),
  };
}

async function migrateShips(
  configuration: Configuration,
  temporal: TemporalClient,
  names: Names,
): Promise<Outcome> {
  const started: StartedShip[] = [];
  for (const { ship, ...range } of shipsOfDemo()) {
    const input = migrationInput(ship, range, configuration);
    started.push({ ship, handle: await startMigration(temporal, names, input, range) });
  }
  const { signal } = new AbortController();
  const watched = await watchShips(temporal, names, started, signal);
  return outcomeOfShips(
    started.map(({ ship }) => ship),
    watched,
  );
}

const shipsOfDemo = () => [
  { ship: VOYAGE.ship, from: VOYAGE.from, to: VOYAGE.to },
  ...fleetShips(FLEET.ships).map((ship) => ({ ship, ...FLEET_RANGE })),
];

/** Fills the narrow table; what is there from an earlier run is left alone. */
async function loadShips(configuration: Configuration): Promise<void> {
  const { signal } = new AbortController();
  const channels = configuration.channelGroups.flatMap((group) => group.channels);
  const request = { ...FLEET, fromUs: parseInstant(FLEET_RANGE.from), channels, signal };
  using progress = openProgress();
  const fleet = progress.task(`${FLEET.ships} generated ships, ${FLEET.hours} hours`, 0);
  await fillSource(configuration, {
    name: 'generate',
    signal,
    prepare: fillOwnTable,
    fill: (client, table, freeze) =>
      generateFleet(client, table, { ...request, freeze }, fleet.update.bind(fleet)),
  });
  if (await holdsVoyage(configuration)) return;
  await fillSource(configuration, {
    name: 'import',
    signal,
    prepare: async (client, table, fill) => {
      await createNarrowTable(client, table);
      return fill(false);
    },
    fill: (client, table) => importCells(client, table, projectFile(VOYAGE.file)),
  });
}

/** Counting is quicker by far than to read the file again and to find each row. */
async function holdsVoyage(configuration: Configuration): Promise<boolean> {
  await using databases = openDatabases(configuration, 1);
  const { source, sourceTable } = databases;
  const count = `select count(*)::int as rows from ${quoteTable(sourceTable)} where ship_id = $1`;
  const { rows } = await source.query<{ rows: number }>(count, [VOYAGE.ship]);
  return rows[0]?.rows === VOYAGE.rows;
}
