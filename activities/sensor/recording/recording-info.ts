import { stat } from 'node:fs/promises';
import type { Damage } from './mcap/scan-mcap.ts';
import { readRecording, type RecordedMessage, type RecordedMetadata } from './read-recording.ts';
import { stateOfWriter, type SegmentWriter } from './segment-writer.ts';

/** More of them are only counted. */
const MOST_LISTED = 10_000;

/**
 * | state | what it means |
 * |---|---|
 * | `complete` | it has its summary, and every checksum is right |
 * | `being-written` | its writer lives |
 * | `unfinished` | its writer died; every message up to the end can be read |
 * | `damaged` | something in it cannot be read, or differs from its checksum |
 */
export type RecordingState = 'complete' | 'being-written' | 'unfinished' | 'damaged';

export interface ChannelInfo {
  topic: string;
  messages: number;
  bytes: number;
  from: string;
  to: string;
}

/** Instants are ISO 8601. */
export interface RecordingInfo {
  file: string;
  state: RecordingState;
  bytes: number;
  sensor?: string;
  stream?: string;
  writer?: SegmentWriter;
  from?: string;
  to?: string;
  messages: number;
  channels: ChannelInfo[];
  connections: Record<string, string>[];
  gaps: Record<string, string>[];
  dropped: { messages: number; bytes: number };
  /** Times without recording, such as those of a full disk. */
  stops: { from: string; to?: string; reason: string }[];
  /** Every file that was repaired to make this one. */
  repairs: Record<string, string>[];
  damage: Damage[];
  /** Behind the last whole record. */
  unfinishedBytes: number;
}

/**
 * Reads a recording whole.
 *
 * @param onProgress gets the bytes of messages that were read since the call before
 * @throws {FairleadError} `recording-unreadable`
 */
export async function readRecordingInfo(
  file: string,
  onProgress: (bytes: number) => void = () => {},
): Promise<RecordingInfo> {
  const collector = new InfoCollector();
  const { size } = await stat(file);
  for await (const record of readRecording(file)) {
    if (record.type === 'message') {
      collector.countMessage(record);
      onProgress(record.bytes.byteLength);
    } else if (record.type === 'metadata') collector.addNote(record);
    else if (record.type === 'damage') collector.info.damage.push(record.damage);
    else if (record.type === 'unfinished') collector.info.unfinishedBytes = record.bytes;
    else collector.isEnded = true;
  }
  const { info, isEnded } = collector;
  const state = await stateOf(file, info, isEnded);
  return {
    file,
    state,
    bytes: size,
    ...collector.times(),
    ...info,
    channels: collector.channels(),
  };
}

async function stateOf(
  file: string,
  { damage, writer }: { damage: Damage[]; writer?: SegmentWriter },
  isEnded: boolean,
): Promise<RecordingState> {
  if (damage.length > 0) return 'damaged';
  if (isEnded) return 'complete';
  const isAlive = writer && (await stateOfWriter(file, writer)) === 'alive';
  return isAlive ? 'being-written' : 'unfinished';
}

interface Channel {
  messages: number;
  bytes: number;
  fromNs: bigint;
  toNs: bigint;
}

class InfoCollector {
  isEnded = false;
  readonly info: Omit<RecordingInfo, 'file' | 'state' | 'bytes' | 'channels'> = {
    messages: 0,
    connections: [],
    gaps: [],
    dropped: { messages: 0, bytes: 0 },
    stops: [],
    repairs: [],
    damage: [],
    unfinishedBytes: 0,
  };
  readonly #channels = new Map<string, Channel>();

  countMessage({ topic, logTimeNs, bytes }: RecordedMessage): void {
    const known = this.#channels.get(topic);
    const channel = known ?? { messages: 0, bytes: 0, fromNs: logTimeNs, toNs: logTimeNs };
    if (!known) this.#channels.set(topic, channel);
    this.info.messages++;
    channel.messages++;
    channel.bytes += bytes.byteLength;
    if (logTimeNs < channel.fromNs) channel.fromNs = logTimeNs;
    if (logTimeNs > channel.toNs) channel.toNs = logTimeNs;
  }

  addNote({ name, metadata }: RecordedMetadata): void {
    if (name === 'segment') this.#addOrigin(metadata);
    else if (name === 'dropped') this.#addDropped(metadata);
    else if (name === 'recording-stopped') this.#addStop(metadata);
    else if (name === 'recording-resumed') this.#endStop(metadata);
    else this.#list(name, metadata);
  }

  channels(): ChannelInfo[] {
    return [...this.#channels].map(([topic, { messages, bytes, fromNs, toNs }]) => ({
      topic,
      messages,
      bytes,
      from: instantOf(fromNs),
      to: instantOf(toNs),
    }));
  }

  times(): { from?: string; to?: string } {
    const channels = this.channels();
    if (channels.length === 0) return {};
    return {
      from: channels.map(({ from }) => from).toSorted()[0]!,
      to: channels
        .map(({ to }) => to)
        .toSorted()
        .at(-1)!,
    };
  }

  #addOrigin({ sensor, stream, host, pid, startedAt, pidNamespace }: Record<string, string>): void {
    if (sensor !== undefined) this.info.sensor = sensor;
    if (stream !== undefined) this.info.stream = stream;
    if (host === undefined || pid === undefined) return;
    this.info.writer = {
      host,
      pid: Number(pid),
      startedAt: startedAt ?? '',
      pidNamespace: pidNamespace ?? '',
    };
  }

  #addDropped({ messages, bytes }: Record<string, string>): void {
    this.info.dropped.messages += Number(messages);
    this.info.dropped.bytes += Number(bytes);
  }

  #addStop({ at = '', reason = '' }: Record<string, string>): void {
    this.info.stops.push({ from: at, reason });
  }

  #endStop({ at }: Record<string, string>): void {
    const last = this.info.stops.at(-1);
    if (last && at !== undefined) last.to = at;
  }

  #list(name: string, metadata: Record<string, string>): void {
    const { connections, gaps, repairs } = this.info;
    const lists: Record<string, Record<string, string>[]> = {
      connection: connections,
      gap: gaps,
      repaired: repairs,
    };
    const list = lists[name];
    if (list && list.length < MOST_LISTED) list.push(metadata);
  }
}

const instantOf = (ns: bigint): string => new Date(Number(ns / 1_000_000n)).toISOString();
