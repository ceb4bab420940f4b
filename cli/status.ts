import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { MigrationDatabases } from '../activities/postgres/migration-databases.ts';
import { FairleadError } from '../domain/errors.ts';
import type { ShipReport } from '../domain/migration.ts';
import { namesOf } from '../domain/names.ts';
import type { Configuration } from '../workers/configuration.ts';
import { openDatabases } from '../workers/open-databases.ts';
import {
  connectTemporal,
  temporalUnreachable,
  type TemporalClient,
} from '../workers/temporal-client.ts';
import { locateTemporal } from '../workers/temporal-location.ts';
import {
  addCommand,
  conclude,
  note,
  readConfiguration,
  type CommonOptions,
  type Outcome,
} from './command.ts';
import { untilDetached } from './migrate-ships.ts';
import { briefReportTable, jsonOfReport, reportTable } from './migration-verdict.ts';
import { isServerAway } from './ask-workflow.ts';
import { readSensorReports, type SensorReport } from './sensor-reports.ts';
import { briefSensorTable, jsonOfSensor, sensorTable } from './sensor-table.ts';
import { readShipStatuses, type ShipStatus } from './ship-status.ts';

type Options = CommonOptions & { watch?: true };

interface Status {
  ships: ShipStatus[];
  sensors: SensorReport[];
}

const REFRESH_MS = 2_000;
const CLEAR_SCREEN = '\u001b[H\u001b[2J';

/** `fairlead status [ship…]` */
export function addStatus(program: Command): void {
  addCommand(program, {
    usage: 'status',
    summary: 'show where each migration and session stands; works with no worker running',
    examples: ['fairlead status', 'fairlead status IMO9976903 --watch'],
  })
    .argument('[ship...]', 'ship ids (default: all that are known, and all sensors)')
    .option('--watch', 'refresh until Ctrl-C')
    .action(async (ships: string[], options: Options) => {
      const configuration = readConfiguration(options);
      if (options.watch && !options.json) await watch(ships, configuration);
      else conclude(await show(ships, configuration), options);
    });
}

async function watch(ships: readonly string[], configuration: Configuration): Promise<void> {
  await untilDetached(async (signal) => {
    for (let round = 0; !signal.aborted; round++) {
      const text = await roundOf(ships, configuration, round === 0);
      process.stdout.write(`${process.stdout.isTTY ? CLEAR_SCREEN : ''}${text.trimEnd()}\n`);
      await sleep(REFRESH_MS, undefined, { signal }).catch(() => undefined);
    }
  });
}

/** Once it has shown something, a server that is away for a time does not end it. */
async function roundOf(
  ships: readonly string[],
  configuration: Configuration,
  isFirst: boolean,
): Promise<string> {
  try {
    return fitted(await readStatus(ships, configuration));
  } catch (error) {
    if (isFirst || !(error instanceof FairleadError)) throw error;
    return `${error.message}${error.hint ? ` → ${error.hint}` : ''}`;
  }
}

/** All on one screen: the newest line is not the one to lose. */
function fitted(status: Status): string {
  const { text } = outcomeOf(status);
  if (!process.stdout.isTTY) return text;
  return textOf(status, ...narrowTables(status))
    .split('\n')
    .slice(0, Math.max(1, process.stdout.rows - 1))
    .join('\n');
}

/** Of each half the brief table, where the whole one would become a block of lines for each row. */
function narrowTables({ ships, sensors }: Status): [TableOfShips, TableOfSensors] {
  const isTooWide = (table: string, rows: number) => table.split('\n').length > rows + 1;
  const wide = reportTable(ships.map(({ report }) => report));
  return [
    isTooWide(wide, ships.length) ? briefReportTable : reportTable,
    isTooWide(sensorTable(sensors), sensors.length) ? briefSensorTable : sensorTable,
  ];
}

const show = async (ships: readonly string[], configuration: Configuration): Promise<Outcome> =>
  outcomeOf(await readStatus(ships, configuration));

async function readStatus(typed: readonly string[], configuration: Configuration): Promise<Status> {
  await using databases = openDatabases(configuration, 2);
  const temporal = await connectIfThere(configuration);
  try {
    return await readBoth(typed, configuration, databases, temporal);
  } catch (error) {
    if (!temporal || !isServerAway(error)) throw error;
    tellAbsence(temporalUnreachable(temporal.location, error));
    return await readBoth(typed, configuration, databases, undefined);
  } finally {
    await temporal?.[Symbol.asyncDispose]();
  }
}

/** Who names ships asks for no sensors. */
async function readBoth(
  typed: readonly string[],
  configuration: Configuration,
  databases: MigrationDatabases,
  temporal: TemporalClient | undefined,
): Promise<Status> {
  const { fleet, migration } = configuration;
  const names = namesOf(migration.installation);
  const scope = { names, fleet: fleet.ships, widthMs: migration.widthMs };
  const [ships, sensors] = await Promise.all([
    readShipStatuses(typed, scope, databases, temporal),
    typed.length > 0 ? [] : readSensorReports([], configuration, temporal),
  ]);
  return { ships, sensors };
}

/** The ledger can be read without Temporal: then that is said, and all that is lost is what runs just now. */
async function connectIfThere(configuration: Configuration): Promise<TemporalClient | undefined> {
  try {
    return await connectTemporal(locateTemporal(configuration));
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    tellAbsence(error);
    return undefined;
  }
}

const tellAbsence = ({ message, hint }: FairleadError): void =>
  note(`${message}: this is what the ledger says${hint ? ` → ${hint}` : ''}`);

function outcomeOf(status: Status): Outcome {
  const { ships, sensors } = status;
  const remarks = [...ships, ...sensors].flatMap((one) => one.remarks);
  for (const remark of new Set(remarks)) note(remark);
  return {
    json: {
      ships: ships.map(({ report }) => jsonOfReport(report)),
      sensors: sensors.map(jsonOfSensor),
    },
    text: textOf(status, reportTable, sensorTable),
  };
}

type TableOfShips = (reports: readonly ShipReport[]) => string;
type TableOfSensors = (reports: readonly SensorReport[]) => string;

/** Each half only where there is something to say of it. */
function textOf(
  { ships, sensors }: Status,
  tableOfShips: TableOfShips,
  tableOfSensors: TableOfSensors,
): string {
  const tables = [
    ...(ships.length > 0 ? [tableOfShips(ships.map(({ report }) => report))] : []),
    ...(sensors.length > 0 ? [tableOfSensors(sensors)] : []),
  ];
  return tables.length > 0 ? tables.join('\n\n') : 'no migration is known';
}
