import type { LastHourJson } from '../../domain/last-hour.ts';
import type {
  EndedConnection,
  HeartbeatProfile,
  SensorEvent,
  SensorStream,
  StreamStatus,
} from '../../domain/sensor.ts';
import type { RecordingOptions } from './recording/recording-options.ts';
import type { SensorLog } from './sensor-log.ts';
import type { SensorMetrics } from './sensor-metrics.ts';

export interface StreamHolderOptions {
  sensor: string;
  /** `ws:` or `wss:`; may bear a password, which is shown to nobody. */
  url: string;
  stream: SensorStream;
  profile: HeartbeatProfile;
  /** A PEM file with the certificates to trust for `wss`; the system's, unless given. */
  ca?: string;
  /** Without a message for so long, the stream is reported as silent. */
  silentAfterMs: number;
  /** Without it nothing is kept. */
  recording?: RecordingOptions;
  /** Of the connection before, maybe in another process: the first gap begins there. */
  lastMessageAt?: string;
  /** Of the process before. */
  lastHour?: LastHourJson;
  onEvent(event: SensorEvent): void;
  log: SensorLog;
  metrics?: SensorMetrics;
}

/** Holds one stream: one connection after the other, one recording, at most one connection at a time. */
export interface StreamHolder {
  /**
   * One connection, from the dial to its end; never throws. The caller waits as the reconnect ladder says and calls
   * again.
   *
   * @param options.attempt the step of the ladder, see `nextAttempt`
   * @param options.signal closes the connection with code 1000
   */
  holdConnection(options: { attempt: number; signal: AbortSignal }): Promise<EndedConnection>;
  /** Plain JSON of less than 2 KB, made anew at each reading. */
  readonly status: StreamStatus;
  /** Feeds the last hour as well: also REST calls to the stream's server are told here. */
  readonly metrics: SensorMetrics;
  /** Decodes and writes what is queued, and finishes the recording. */
  finish(): Promise<void>;
}
