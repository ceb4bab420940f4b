/*
 * Holds a stream as `sensor hold` does, in a process of its own, which may be on another (made-up) host; with a
 * heartbeat as quick as it is told. Each event is a line of JSON, and so are the log's lines, and how it does.
 */
import {
  openStreamHolder,
  type StreamHolderOptions,
} from '../../../activities/sensor/stream-holder.ts';
import { holdStream } from '../../../activities/sensor/hold-stream.ts';
import type { SensorEvent, StreamStatus } from '../../../domain/sensor.ts';

export type Held =
  | SensorEvent
  | { event: 'log'; level: string; message: string; fields: object }
  | { event: 'status'; status: StreamStatus };
export type HeldOptions = Pick<StreamHolderOptions, 'url' | 'profile' | 'recording'>;

const STATUS_EVERY_MS = 200;
const tell = (held: Held) => void process.stdout.write(`${JSON.stringify(held)}\n`);
const write =
  (level: string) =>
  (message: string, fields: object = {}) =>
    tell({ event: 'log', level, message, fields });

const options = JSON.parse(process.argv[2]!) as HeldOptions;
const stopping = new AbortController();
const stop = () => stopping.abort();
process.once('SIGTERM', stop);
process.stdin.once('end', stop).resume();

const holder = await openStreamHolder({
  sensor: 'pier-3',
  stream: 'output',
  silentAfterMs: 3_000,
  onEvent: tell,
  log: { info: write('info'), warn: write('warn'), error: write('error') },
  ...options,
});
setInterval(() => tell({ event: 'status', status: holder.status }), STATUS_EVERY_MS).unref();
await holdStream(holder, { signal: stopping.signal, random: () => 0.5, onRetry: () => {} });
await holder.finish();
process.stdin.destroy();
