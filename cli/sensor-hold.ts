import { Option, type Command } from 'commander';
import { holdStream } from '../activities/sensor/hold-stream.ts';
import { openStreamHolder } from '../activities/sensor/stream-holder.ts';
import { heartbeatProfiles, type StreamStatus } from '../domain/sensor.ts';
import { addCommand, note, readConfiguration } from './command.ts';
import { humanDisplay, jsonDisplay } from './hold-display.ts';
import {
  heldSensorOf,
  typedBytes,
  typedDuration,
  typedUrl,
  type TypedHoldOptions,
} from './hold-options.ts';
import { otherHolders } from './other-holders.ts';

/** Messages were lost, or not recorded. */
const NOT_WHOLE = 4;

/** `fairlead sensor hold` */
export function addSensorHold(group: Command): void {
  addCommand(group, {
    usage: 'hold',
    summary: 'hold one stream in the foreground, without Temporal, until Ctrl-C',
    examples: [
      'fairlead sensor hold --url ws://127.0.0.1:5050 --out recordings',
      'fairlead sensor hold --url wss://sensor.example:5051 --stream points --ca ca.pem --json',
      'fairlead sensor hold pier-3',
    ],
  })
    .argument('[name]', 'a sensor of the configuration; what is typed below wins over it')
    .option('--url <url>', 'where the stream is: ws:// or wss://', typedUrl)
    .addOption(
      new Option(
        '--profile <name>',
        'ping every 20 s and pong within 10 s (listener, the default), or 15 s and 8 s',
      ).choices(Object.keys(heartbeatProfiles)),
    )
    .addOption(
      new Option('--stream <name>', 'objects and events (the default), or point clouds').choices([
        'output',
        'points',
      ]),
    )
    .option('--out <folder>', 'record there, as MCAP; without it nothing is kept')
    .option('--ca <file>', 'the certificates to trust for wss:// (PEM)')
    .option('--cert <file>', 'the certificate of this client, where the server wants one (PEM)')
    .option('--key <file>', 'the key of --cert (PEM)')
    .option('--silent-after <duration>', 'no message for so long is told (3s)', typedDuration)
    .option('--rotate-every <duration>', 'a new file after so long (1h)', typedDuration)
    .option('--rotate-bytes <size>', 'a new file after so many bytes (256MiB)', typedBytes)
    .option('--keep-bytes <size>', 'the oldest files go when all hold more', typedBytes)
    .addHelpText(
      'after',
      '\nWith --json one JSON line per event: connecting, open, dead-peer, silent, resumed, closed, retry-in, gap, segment, dropped, stopped.',
    )
    .action(holdSensor);
}

async function holdSensor(name: string | undefined, typed: TypedHoldOptions): Promise<void> {
  const signal = untilSignal();
  const configuration = readConfiguration(typed);
  const held = heldSensorOf(name, typed, configuration);
  for (const warning of await otherHolders(held, configuration)) note(`warning: ${warning}`);
  using display = typed.json ? jsonDisplay() : humanDisplay();
  const holder = await openStreamHolder({ ...held, onEvent: display.event, log: display.log });
  display.watch(() => holder.status);
  const ours = () => ({ at: new Date().toISOString(), sensor: held.sensor });
  await holdStream(holder, {
    signal,
    onRetry: (retry) => display.event({ ...ours(), event: 'retry-in', ...retry }),
  });
  await holder.finish();
  display.event({ ...ours(), event: 'stopped' });
  process.exitCode = isWhole(holder.status) ? 0 : NOT_WHOLE;
}

/** The first Ctrl-C, or SIGTERM, closes in order; a second one ends the process at once. */
function untilSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort());
  return controller.signal;
}

const isWhole = ({ dropped, recordingStopped }: StreamStatus): boolean =>
  dropped.messages === 0 && recordingStopped === undefined;
