import type { Command } from 'commander';
import { FairleadError } from '../domain/errors.ts';
import { namesOf } from '../domain/names.ts';
import type { SessionReport } from '../domain/sensor-session.ts';
import { connectTemporal } from '../workers/temporal-client.ts';
import { locateTemporal } from '../workers/temporal-location.ts';
import {
  addCommand,
  conclude,
  readConfiguration,
  type CommonOptions,
  type Outcome,
} from './command.ts';
import { explained } from './ask-workflow.ts';
import { readSensorReports } from './sensor-reports.ts';
import { stopSession } from './sensor-sessions.ts';

/** `fairlead sensor stop [name…]` */
export function addSensorStop(group: Command): void {
  addCommand(group, {
    usage: 'stop',
    summary: 'close the connection with code 1000, finish the recording, and end the session',
    examples: ['fairlead sensor stop pier-3', 'fairlead sensor stop'],
  })
    .argument('[name...]', 'sensors (default: all whose session runs)')
    .action(async (typed: string[], options: CommonOptions) => {
      conclude(await stopSessions(typed, options), options);
    });
}

async function stopSessions(typed: readonly string[], options: CommonOptions): Promise<Outcome> {
  const configuration = readConfiguration(options);
  await using temporal = await connectTemporal(locateTemporal(configuration));
  const names = namesOf(configuration.migration.installation);
  try {
    const reports = await readSensorReports(typed, configuration, temporal, 'stop');
    const running = reports.filter(({ state }) => state !== 'none' && state !== 'stopped');
    if (running.length === 0) throw nothingRuns(typed);
    const stop = ({ sensor }: { sensor: string }) => stopSession(temporal, names, sensor);
    const ended = await Promise.all(running.map(stop));
    return outcomeOf(ended.filter((report) => report !== undefined));
  } catch (error) {
    throw explained(error, temporal);
  }
}

function nothingRuns(typed: readonly string[]): FairleadError {
  const which = typed.length > 0 ? `session of ${typed.join(', ')}` : 'session';
  return new FairleadError('usage-invalid', `no ${which} runs`, {
    hint: `to start one: fairlead sensor start ${typed[0] ?? '<name>'}`,
  });
}

const outcomeOf = (ended: readonly SessionReport[]): Outcome => ({
  json: { sensors: ended.map((report) => ({ ...report, state: 'stopped' })) },
  text: ended
    .map(
      ({ sensor, startedAt, reconnects }) =>
        `${sensor}: stopped; it ran since ${startedAt}, with ${reconnects} reconnect${reconnects === 1 ? '' : 's'}`,
    )
    .join('\n'),
});
