import type { Command } from 'commander';
import { connectTemporal } from '../workers/temporal-client.ts';
import { locateTemporal } from '../workers/temporal-location.ts';
import { explained } from './ask-workflow.ts';
import {
  addCommand,
  conclude,
  note,
  readConfiguration,
  type CommonOptions,
  type Outcome,
} from './command.ts';
import { readSensorReports } from './sensor-reports.ts';
import { jsonOfSensor, lastHourLine, sensorTable } from './sensor-table.ts';

/** `fairlead sensor status [name…]` */
export function addSensorStatus(group: Command): void {
  addCommand(group, {
    usage: 'status',
    summary: 'show how each stream is held, and its last hour; works with no worker running',
    examples: ['fairlead sensor status', 'fairlead sensor status pier-3 --json'],
  })
    .argument('[name...]', 'sensors (default: all that are configured, or whose session runs)')
    .action(async (typed: string[], options: CommonOptions) => {
      conclude(await show(typed, options), options);
    });
}

async function show(typed: readonly string[], options: CommonOptions): Promise<Outcome> {
  const configuration = readConfiguration(options);
  await using temporal = await connectTemporal(locateTemporal(configuration));
  try {
    const reports = await readSensorReports(typed, configuration, temporal);
    for (const remark of new Set(reports.flatMap(({ remarks }) => remarks))) note(remark);
    const hours = reports.flatMap((report) => lastHourLine(report) ?? []);
    const table = [sensorTable(reports), ...hours].join('\n');
    return {
      json: { sensors: reports.map(jsonOfSensor) },
      text: reports.length === 0 ? 'no sensor is configured, and no session runs' : table,
    };
  } catch (error) {
    throw explained(error, temporal);
  }
}
