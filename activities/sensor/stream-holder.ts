import { noopMetricMeter } from '@temporalio/common';
import { LastHour, type LastHourJson } from '../../domain/last-hour.ts';
import type {
  EndedConnection,
  Gap,
  HeartbeatProfile,
  SensorEvent,
  SensorStream,
  StreamStatus,
} from '../../domain/sensor.ts';
import { Connection, type ConnectionEnd } from './connection.ts';
import type { TcpPath } from './kept-path.ts';
import type { RecordingOptions } from './recording/recording-options.ts';
import {
  openStreamConsumer,
  type DecodedMessage,
  type DroppedMessages,
  type StreamConsumer,
} from './recording/stream-consumer.ts';
import type { ConnectionRecord } from './connection-record.ts';
import { readDiskRoom } from './recording/disk-room.ts';
import { RollingRate } from './rolling-rate.ts';
import type { SensorLog } from './sensor-log.ts';
import { isWell, nameOfHealth } from './server-health.ts';
import {
  createSensorMetrics,
  recordTo,
  type SensorLabels,
  type SensorMetrics,
} from './sensor-metrics.ts';
import type { StreamFrame } from './stream-frame.ts';
import { tlsFilesOf, type TlsFiles } from './tls-files.ts';
import { UndecodableLog } from './undecodable-log.ts';

export interface StreamHolderOptions extends TlsFiles {
  sensor: string;
  /** `ws:` or `wss:`; may bear a password, which is shown to nobody. */
  url: string;
  stream: SensorStream;
  profile: HeartbeatProfile;
  /** Without a message for so long, the stream is reported as silent. */
  silentAfterMs: number;
  /** Without it nothing is kept. */
  recording?: RecordingOptions;
  /** Of the connection before, maybe in another process: the first gap begins there. */
  lastMessageAt?: string;
  /** Of the process before. */
  lastHour?: LastHourJson;
  onEvent: (event: SensorEvent) => void;
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

export async function openStreamHolder(options: StreamHolderOptions): Promise<StreamHolder> {
  const holder = new Holder(options);
  await holder.open();
  return holder;
}

/** Metrics are told once a second, not with each message. */
const BEAT_MS = 1_000;
const DISK_EVERY_MS = 30_000;

type Happening = SensorEvent extends infer E
  ? E extends E
    ? Omit<E, 'at' | 'sensor'>
    : never
  : never;

class Holder implements StreamHolder {
  readonly metrics: SensorMetrics;
  readonly #options: StreamHolderOptions;
  readonly #labels: SensorLabels;
  readonly #lastHour: LastHour;
  readonly #rate = new RollingRate();
  readonly #undecodable: UndecodableLog;
  /** Which connection a message came by, for as long as it waits to be decoded. */
  readonly #connectionOf = new WeakMap<StreamFrame, Connection>();
  #consumer!: StreamConsumer;
  #connection: Connection | undefined;
  #kept: TcpPath | undefined;
  #state: StreamStatus['state'] = 'waiting';
  #beat: NodeJS.Timeout | undefined;
  #untold = { messages: 0, bytes: 0 };
  #all = { messages: 0, bytes: 0 };
  #openGapFrom: string | undefined;
  #lastMessageAtMs: number | undefined;
  #lastGap: Gap | undefined;
  #pingMs: number | undefined;
  #health: number | undefined;
  #diskDueAt = 0;
  #isFinished = false;

  constructor(options: StreamHolderOptions) {
    const { sensor, stream, lastHour, lastMessageAt, log } = options;
    this.#options = options;
    this.#labels = { sensor, stream };
    this.#lastHour = LastHour.fromJson(lastHour);
    const metrics = options.metrics ?? createSensorMetrics(noopMetricMeter);
    this.metrics = recordTo(metrics, this.#lastHour);
    this.#undecodable = new UndecodableLog(log);
    this.#openGapFrom = lastMessageAt;
    if (lastMessageAt !== undefined) this.#lastMessageAtMs = Date.parse(lastMessageAt);
  }

  async open(): Promise<void> {
    const { sensor, stream, recording, log } = this.#options;
    this.metrics.held(this.#labels);
    this.metrics.recording(this.#labels, recording !== undefined);
    this.#consumer = await openStreamConsumer({
      sensor,
      stream,
      log,
      ...(recording && { recording }),
      onDecoded: (message, frame) => this.#decoded(message, frame),
      onUndecodable: (frame, error) => this.#undecodable.add(frame, error),
      onDropped: (dropped) => this.#dropped(dropped),
      onSegment: (segment) => this.#tell({ event: 'segment', ...segment }),
      onRecordingStopped: (reason) => {
        log.error('recording stopped', { reason });
        this.metrics.recording(this.#labels, false);
      },
      onRecordingResumed: () => {
        log.info('recording resumed');
        this.metrics.recording(this.#labels, true);
      },
    });
    // The folder is there only now.
    this.#lookAtDisk();
  }

  async holdConnection({
    attempt,
    signal,
  }: {
    attempt: number;
    signal: AbortSignal;
  }): Promise<EndedConnection> {
    this.#state = 'connecting';
    this.#tell({ event: 'connecting', attempt });
    this.#beat = setInterval(() => this.#tellMetrics(), BEAT_MS).unref();
    const startedAt = new Date().toISOString();
    const connection = this.#newConnection(attempt);
    this.#connection = connection;
    const end = await connection.hold(signal);
    clearInterval(this.#beat);
    this.#kept = end.kept;
    this.#openGapFrom ??= end.ended.lastMessageAt ?? startedAt;
    this.#ended(end);
    return end.ended;
  }

  #newConnection(attempt: number): Connection {
    const { url, profile, silentAfterMs, log } = this.#options;
    const connection: Connection = new Connection({
      url,
      ...tlsFilesOf(this.#options),
      profile,
      silentAfterMs,
      log,
      kept: this.#kept,
      onOpen: (localPort) => this.#opened(attempt, localPort),
      onFrame: (frame) => this.#received(frame, connection),
      onPong: (ms) => this.#ponged(ms),
      onSilent: (seconds) => this.#tell({ event: 'silent', silentSeconds: rounded(seconds) }),
      onResumed: (seconds) => this.#tell({ event: 'resumed', silentSeconds: rounded(seconds) }),
    });
    return connection;
  }

  get status(): StreamStatus {
    const { messages, bytes } = this.#rate.perSecond();
    const openedAt = this.#isOpen ? this.#connection?.record.openedAt : undefined;
    const localPort = openedAt && this.#connection?.record.localPort;
    return {
      state: this.#stateNow,
      ...(openedAt && { connectedSince: openedAt.toISOString() }),
      ...(localPort !== undefined && { localPort }),
      ...(this.#lastMessageAtMs !== undefined && {
        lastMessageAt: new Date(this.#lastMessageAtMs).toISOString(),
      }),
      messagesPerSecond: messages,
      bytesPerSecond: bytes,
      ...this.#all,
      ...this.#consumer.status,
      ...(this.#lastGap && { lastGap: this.#lastGap }),
      ...(this.#pingMs !== undefined && { pingMs: this.#pingMs }),
      lastHour: this.#lastHour.toJson(),
    };
  }

  async finish(): Promise<void> {
    await this.#consumer.finish();
    this.#undecodable.tell();
    this.#tellMetrics();
    this.#isFinished = true;
    this.metrics.left(this.#labels);
  }

  get #isOpen(): boolean {
    return this.#state === 'connected';
  }

  get #stateNow(): StreamStatus['state'] {
    return this.#isOpen && this.#connection?.silent ? 'silent' : this.#state;
  }

  #opened(attempt: number, localPort: number): void {
    this.#state = 'connected';
    this.metrics.connectionOpened(this.#labels);
    this.#consumer.connectionOpened({ attempt, localPort, at: new Date().toISOString() });
    this.#tell({ event: 'open', localPort, attempt });
  }

  #received(frame: StreamFrame, connection: Connection): void {
    const { length } = frame.bytes;
    this.#rate.add(length);
    for (const sum of [this.#all, this.#untold]) {
      sum.messages += 1;
      sum.bytes += length;
    }
    this.#lastMessageAtMs = connection.record.lastMessageAtMs;
    if (this.#openGapFrom !== undefined) this.#endGap(this.#openGapFrom, this.#lastMessageAtMs!);
    this.#connectionOf.set(frame, connection);
    this.#consumer.offer(frame);
  }

  #endGap(from: string, toMs: number): void {
    this.#openGapFrom = undefined;
    const gap = { from, to: new Date(toMs).toISOString() };
    this.#lastGap = gap;
    this.metrics.gap(this.#labels, Math.max(0, toMs - Date.parse(from)) / 1_000);
    this.#consumer.gap(gap);
    this.#tell({ event: 'gap', ...gap });
  }

  #decoded({ health }: DecodedMessage, frame: StreamFrame): void {
    const record = this.#connectionOf.get(frame)?.record;
    if (!record) return;
    record.decoded = true;
    if (health) this.#tellHealth(health.master, record);
  }

  #tellHealth(master: number, record: ConnectionRecord): void {
    record.health = master;
    if (master === this.#health) return;
    this.#health = master;
    const { log } = this.#options;
    const name = nameOfHealth(master);
    if (isWell(master)) log.info('server is well', { health: name });
    else log.warn('server is unwell', { health: name });
  }

  #ponged(milliseconds: number): void {
    this.#pingMs = Math.round(milliseconds * 10) / 10;
    this.metrics.pinged(this.#labels, milliseconds);
  }

  #dropped(dropped: DroppedMessages): void {
    this.metrics.dropped(this.#labels, dropped);
    this.#tell({ event: 'dropped', ...dropped });
  }

  #tellMetrics(): void {
    if (this.#untold.messages > 0) this.metrics.received(this.#labels, this.#untold);
    this.#untold = { messages: 0, bytes: 0 };
    this.metrics.queued(this.#labels, this.#consumer.status.queuedBytes);
    if (performance.now() >= this.#diskDueAt) this.#lookAtDisk();
  }

  /** A disk that does not answer is the recorder's to tell. */
  #lookAtDisk(): void {
    const folder = this.#options.recording?.folder;
    this.#diskDueAt = performance.now() + DISK_EVERY_MS;
    if (folder === undefined) return;
    readDiskRoom(folder).then(
      (room) => this.#isFinished || this.metrics.diskRoom(this.#labels, room),
      () => {},
    );
  }

  #ended({ ended, words, quietSeconds }: ConnectionEnd): void {
    const { reason, openedAt, endedAt, code, detail } = ended;
    this.#state = reason === 'stopped' ? 'stopped' : 'waiting';
    const connectedSeconds = openedAt ? (Date.parse(endedAt) - Date.parse(openedAt)) / 1_000 : 0;
    this.metrics.connectionEnded(this.#labels, { reason, connectedSeconds });
    this.#tellMetrics();
    this.#undecodable.tell();
    this.#consumer.connectionEnded(ended);
    if (reason === 'dead-peer') {
      this.#tell({ event: 'dead-peer', silentSeconds: rounded(quietSeconds) });
    } else if (code !== undefined) {
      this.#tell({ event: 'closed', code, reason: words || detail });
    }
  }

  #tell(happening: Happening): void {
    const at = new Date().toISOString();
    const { sensor, onEvent } = this.#options;
    const { event, ...fields } = happening;
    onEvent({ at, event, sensor, ...fields } as SensorEvent);
  }
}

const rounded = (seconds: number): number => Math.round(seconds * 1_000) / 1_000;
