import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { MigrationDatabases } from '../activities/postgres/migration-databases.ts';
import { FairleadError } from '../domain/errors.ts';
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
import { jsonOfReport, reportTable } from './migration-verdict.ts';
import { isServerAway } from './ask-workflow.ts';
import { readSensorReports } from './sensor-reports.ts';
import { jsonOfSensor, sensorTable } from './sensor-table.ts';
import { readShipStatuses } from './ship-status.ts';
import { strictest } from './source-restraint.ts';
import { remarksOf, StatusPage, type Status } from './status-page.ts';
import { openPage } from './terminal-page.ts';

type Options = CommonOptions & { watch?: true };

const REFRESH_MS = 2_000;
/** A look at the ledger of a ship takes milliseconds, and the database has others to serve. */
const CONNECTIONS = 2;

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

/** Ends at Ctrl-C also while it reads, with the terminal as it was. */
async function watch(ships: readonly string[], configuration: Configuration): Promise<void> {
  const first = await readStatus(ships, configuration);
  const page = new StatusPage();
  page.read(first);
  await untilDetached(async (signal) => {
    using terminal = openPage();
    const ended = once(signal, 'abort');
    while (!signal.aborted) {
      terminal.show((size) => page.lines(size));
      await sleep(REFRESH_MS, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await Promise.race([readInto(page, ships, configuration), ended]);
    }
  });
}

/** Once it has shown something, a server that is away for a time does not end it. */
async function readInto(
  page: StatusPage,
  ships: readonly string[],
  configuration: Configuration,
): Promise<void> {
  try {
    page.read(await readStatus(ships, configuration));
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    page.failed(sentenceOf(error));
  }
}

const sentenceOf = ({ message, hint }: FairleadError): string =>
  `${message}${hint ? ` → ${hint}` : ''}`;

const show = async (ships: readonly string[], configuration: Configuration): Promise<Outcome> =>
  outcomeOf(await readStatus(ships, configuration));

async function readStatus(typed: readonly string[], configuration: Configuration): Promise<Status> {
  await using databases = openDatabases(configuration, CONNECTIONS);
  const { temporal, remarks } = await connectIfThere(configuration);
  try {
    return { ...(await readBoth(typed, configuration, databases, temporal)), remarks };
  } catch (error) {
    if (!temporal || !isServerAway(error)) throw error;
    const absence = sentenceOfAbsence(temporalUnreachable(temporal.location, error));
    return { ...(await readBoth(typed, configuration, databases, undefined)), remarks: [absence] };
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
): Promise<Omit<Status, 'remarks'>> {
  const { fleet, migration } = configuration;
  const names = namesOf(migration.installation);
  const scope = { names, fleet: fleet.ships, widthMs: migration.widthMs };
  const [ships, sensors] = await Promise.all([
    readShipStatuses(typed, scope, databases, temporal),
    typed.length > 0 ? [] : readSensorReports([], configuration, temporal),
  ]);
  return { ships, sensors, spared: strictest(ships.map(({ spared }) => spared)) };
}

/** The ledger can be read without Temporal: then that is said, and all that is lost is what runs just now. */
async function connectIfThere(
  configuration: Configuration,
): Promise<{ temporal: TemporalClient | undefined; remarks: string[] }> {
  try {
    return { temporal: await connectTemporal(locateTemporal(configuration)), remarks: [] };
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    return { temporal: undefined, remarks: [sentenceOfAbsence(error)] };
  }
}

const sentenceOfAbsence = ({ message, hint }: FairleadError): string =>
  `${message}: this is what the ledger says${hint ? ` → ${hint}` : ''}`;

function outcomeOf(status: Status): Outcome {
  const { ships, sensors } = status;
  const remarks = [...remarksOf(status), ...[...ships, ...sensors].flatMap((one) => one.remarks)];
  for (const remark of new Set(remarks)) note(remark);
  return {
    json: {
      ships: ships.map(({ report }) => jsonOfReport(report)),
      sensors: sensors.map(jsonOfSensor),
      ...(status.spared && { source: status.spared }),
    },
    text: textOf(status),
  };
}

/** Each half only where there is something to say of it. */
function textOf({ ships, sensors }: Status): string {
  const tables = [
    ...(ships.length > 0 ? [reportTable(ships.map(({ report }) => report))] : []),
    ...(sensors.length > 0 ? [sensorTable(sensors)] : []),
  ];
  return tables.length > 0 ? tables.join('\n\n') : 'no migration is known';
}
