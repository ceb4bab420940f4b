import type { Logger } from 'pino';
import { logEvent } from '../activities/sensor/log-event.ts';
import { openStreamHolder, type StreamHolder } from '../activities/sensor/stream-holder.ts';
import { watchServer } from '../activities/sensor/rest/watch-server.ts';
import { tlsFilesOf } from '../activities/sensor/tls-files.ts';
import type { SensorLog } from '../activities/sensor/sensor-log.ts';
import type { SensorMetrics } from '../activities/sensor/sensor-metrics.ts';
import { FairleadError } from '../domain/errors.ts';
import { heartbeatProfiles, type SensorEvent } from '../domain/sensor.ts';
import type { SessionLegacy } from '../domain/sensor-session.ts';
import type { Configuration, SensorConfiguration } from './configuration.ts';

export interface OpenSensorOptions {
  before: Pick<SessionLegacy, 'lastMessageAt' | 'lastHour'>;
  onEvent: (event: SensorEvent) => void;
  log: Logger;
  metrics: SensorMetrics;
}

/**
 * Opens what holds a sensor's stream, as this worker's configuration has it: a session knows the name only.
 *
 * @throws {FairleadError} `sensor-unknown`
 */
export async function openConfiguredSensor(
  name: string,
  configuration: Configuration,
  { before, onEvent, log, metrics }: OpenSensorOptions,
): Promise<StreamHolder> {
  const sensor = requireSensor(name, configuration);
  const sensorLog = sensorLogOf(log.child({ sensor: name }));
  const holder = await openStreamHolder({
    sensor: name,
    url: sensor.url,
    stream: sensor.stream,
    profile: heartbeatProfiles[sensor.profile],
    silentAfterMs: sensor.silentAfterMs,
    recording: recordingOf(sensor),
    ...tlsFilesOf(sensor),
    ...before,
    onEvent: (event) => {
      logEvent(sensorLogOf(log), event);
      onEvent(event);
    },
    log: sensorLog,
    metrics,
  });
  const watch = watchServer({
    sensor: name,
    stream: sensor.url,
    rest: sensor.rest,
    ...tlsFilesOf(sensor),
    metrics: holder.metrics,
    log: sensorLog,
  });
  return {
    holdConnection: (attempt) => holder.holdConnection(attempt),
    get status() {
      return holder.status;
    },
    metrics: holder.metrics,
    async finish() {
      await watch[Symbol.asyncDispose]();
      await holder.finish();
    },
  };
}

const recordingOf = ({ out, rotateEveryMs, rotateBytes, keepBytes }: SensorConfiguration) => ({
  folder: out,
  rotateEveryMs,
  rotateBytes,
  ...(keepBytes !== undefined && { keepBytes }),
});

/** @throws {FairleadError} `sensor-unknown`: a session runs under a name that this worker's configuration does not have */
function requireSensor(name: string, { sensors, file }: Configuration): SensorConfiguration {
  const found = sensors.find((sensor) => sensor.name === name);
  if (found) return found;
  const names = sensors.map((sensor) => sensor.name);
  const known = names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`;
  throw new FairleadError(
    'sensor-unknown',
    `${name}: no [[sensors]] of ${file ?? 'the configuration'} has this name; ${known}`,
    {
      hint: `add it to fairlead.toml and start the sensor worker again, or end its session: fairlead sensor stop ${name}`,
    },
  );
}

export const sensorLogOf = (log: Logger): SensorLog => ({
  info: (message, fields) => log.info(fields ?? {}, message),
  warn: (message, fields) => log.warn(fields ?? {}, message),
  error: (message, fields) => log.error(fields ?? {}, message),
});
