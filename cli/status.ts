import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { namesOf } from '../domain/names.ts';
import type { Configuration } from '../workers/configuration.ts';
import { openDatabases } from '../workers/open-databases.ts';
import {
  connectTemporal,
  temporalUnreachable,
  type TemporalClient,
} from '../workers/temporal-client.ts';
import { locateTemporal } from '../workers/temporal-location.ts';
import { FairleadError } from '../domain/errors.ts';
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
import { readShipStatuses, type ShipStatus } from './ship-status.ts';

type Options = CommonOptions & { watch?: true };

const REFRESH_MS = 2_000;
/** Of a terminal on which the whole table fits. */
const FULL_WIDTH = 128;
const CLEAR_SCREEN = '\u001b[H\u001b[2J';

/** `fairlead status [ship…]` */
export function addStatus(program: Command): void {
  addCommand(program, {
    usage: 'status',
    summary: 'show where each migration stands; works with no worker running',
    examples: ['fairlead status', 'fairlead status IMO9976903 --watch'],
  })
    .argument('[ship...]', 'ship ids (default: all that are known)')
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
      const text = await textOf(ships, configuration, round === 0);
      process.stdout.write(`${process.stdout.isTTY ? CLEAR_SCREEN : ''}${text.trimEnd()}\n`);
      await sleep(REFRESH_MS, undefined, { signal }).catch(() => undefined);
    }
  });
}

/** Once it has shown something, a server that is away for a time does not end it. */
async function textOf(
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
function fitted(statuses: readonly ShipStatus[]): string {
  const { text } = outcomeOf(statuses);
  if (!process.stdout.isTTY) return text;
  const { columns, rows } = process.stdout;
  const isNarrow = text.split('\n').length > statuses.length + 1 && columns < FULL_WIDTH;
  const shown = isNarrow ? briefReportTable(statuses.map(({ report }) => report)) : text;
  return shown
    .split('\n')
    .slice(0, Math.max(1, rows - 1))
    .join('\n');
}

const show = async (ships: readonly string[], configuration: Configuration): Promise<Outcome> =>
  outcomeOf(await readStatus(ships, configuration));

async function readStatus(
  ships: readonly string[],
  configuration: Configuration,
): Promise<ShipStatus[]> {
  await using databases = openDatabases(configuration, 2);
  const temporal = await connectIfThere(configuration);
  try {
    const names = namesOf(configuration.migration.installation);
    const { fleet, migration } = configuration;
    const scope = { names, fleet: fleet.ships, widthMs: migration.widthMs };
    try {
      return await readShipStatuses(ships, scope, databases, temporal);
    } catch (error) {
      if (!temporal || !isServerAway(error)) throw error;
      tellAbsence(temporalUnreachable(temporal.location, error));
      return await readShipStatuses(ships, scope, databases, undefined);
    }
  } finally {
    await temporal?.[Symbol.asyncDispose]();
  }
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

function outcomeOf(statuses: readonly ShipStatus[]): Outcome {
  const reports = statuses.map(({ report }) => report);
  const remarks = [...new Set(statuses.flatMap((status) => status.remarks))];
  for (const remark of remarks) note(remark);
  return {
    json: { ships: reports.map(jsonOfReport), sensors: [] },
    text: reports.length === 0 ? 'no migration is known' : reportTable(reports),
  };
}
