import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import type { z } from 'zod';
import type { TlsFiles } from '../activities/sensor/tls-files.ts';
import type { RecordingOptions } from '../activities/sensor/recording/recording-options.ts';
import { FairleadError } from '../domain/errors.ts';
import {
  heartbeatProfiles,
  type HeartbeatProfileName,
  type SensorStream,
} from '../domain/sensor.ts';
import { bytes, duration, webSocketUrl } from '../workers/configuration/fields.ts';
import type { Configuration, SensorConfiguration } from '../workers/configuration.ts';
import { requireTyped } from './choose-sensors.ts';
import type { CommonOptions } from './command.ts';
import { chosenTlsFiles } from './tls-options.ts';

/** What was typed after `sensor hold`; what was not typed is not set. */
export interface TypedHoldOptions extends CommonOptions {
  url?: string;
  profile?: HeartbeatProfileName;
  stream?: SensorStream;
  out?: string;
  ca?: string;
  cert?: string;
  key?: string;
  silentAfter?: number;
  rotateEvery?: number;
  rotateBytes?: number;
  keepBytes?: number;
}

/** One stream to hold in the foreground. */
export interface HeldSensor extends TlsFiles {
  sensor: string;
  url: string;
  stream: SensorStream;
  profile: (typeof heartbeatProfiles)[HeartbeatProfileName];
  silentAfterMs: number;
  recording?: RecordingOptions;
}

const SILENT_AFTER_MS = 3_000;
const ROTATE_EVERY_MS = 3_600_000;
const ROTATE_BYTES = 256 * 1024 ** 2;

/** Reads one word for commander by the rules of the configuration. */
const word =
  <T>(schema: z.ZodType<T>) =>
  (text: string): T => {
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    const { message } = parsed.error.issues[0]!;
    throw new InvalidArgumentError(message.startsWith('"') ? `${message}.` : `It ${message}.`);
  };

export const typedUrl = word(webSocketUrl());
export const typedDuration = word(duration());
export const typedBytes = word(bytes());

/**
 * What to hold: a sensor of the configuration, or one that was typed; what is typed wins.
 *
 * @throws {FairleadError} `usage-invalid` when neither name nor URL was typed, or a name that is not there
 */
export function heldSensorOf(
  name: string | undefined,
  typed: TypedHoldOptions,
  configuration: Configuration,
): HeldSensor {
  const configured = name === undefined ? undefined : requireTyped(name, configuration, 'hold');
  const url = typed.url ?? configured?.url;
  if (url === undefined) throw nothingToHold(configuration);
  const recording = recordingOf(typed, configured);
  return {
    sensor: name ?? nameOf(url),
    url,
    stream: typed.stream ?? configured?.stream ?? 'output',
    profile: heartbeatProfiles[typed.profile ?? configured?.profile ?? 'listener'],
    silentAfterMs: typed.silentAfter ?? configured?.silentAfterMs ?? SILENT_AFTER_MS,
    ...chosenTlsFiles(typed, configured),
    ...(recording && { recording }),
  };
}

function recordingOf(
  typed: TypedHoldOptions,
  configured: SensorConfiguration | undefined,
): RecordingOptions | undefined {
  const folder = typed.out === undefined ? configured?.out : resolve(typed.out);
  if (folder === undefined) return undefined;
  const keepBytes = typed.keepBytes ?? configured?.keepBytes;
  return {
    folder,
    rotateEveryMs: typed.rotateEvery ?? configured?.rotateEveryMs ?? ROTATE_EVERY_MS,
    rotateBytes: typed.rotateBytes ?? configured?.rotateBytes ?? ROTATE_BYTES,
    ...(keepBytes !== undefined && { keepBytes }),
  };
}

/** `sensor.example-5050`. */
function nameOf(url: string): string {
  const { hostname, port } = new URL(url);
  return [hostname.replaceAll(/[^\w.]+/g, '-').replaceAll(/^-|-$/g, ''), port]
    .filter((part) => part !== '')
    .join('-');
}

function nothingToHold({ sensors }: Configuration): FairleadError {
  const [first] = sensors;
  return new FairleadError(
    'usage-invalid',
    'neither a sensor of the configuration nor --url was given',
    {
      hint: `fairlead sensor hold ${first?.name ?? '--url ws://127.0.0.1:5050'}`,
    },
  );
}
