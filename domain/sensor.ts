import type { LastHourJson } from './last-hour.ts';

/** What a sensor server streams: `OutputMessage` (objects, zones, events, health), or `PointResult` (clouds). */
export type SensorStream = 'output' | 'points';

export interface HeartbeatProfile {
  /** From one ping to the next. */
  pingEveryMs: number;
  /** A pong that takes longer means a dead peer. */
  pongWithinMs: number;
}

/** A dead peer is noticed within the sum of both. */
export const heartbeatProfiles = {
  listener: { pingEveryMs: 20_000, pongWithinMs: 10_000 },
  client: { pingEveryMs: 15_000, pongWithinMs: 8_000 },
} as const satisfies Record<string, HeartbeatProfile>;

export type HeartbeatProfileName = keyof typeof heartbeatProfiles;

/**
 * What a session is doing, in search attributes, `sensor status` and logs.
 *
 * | state | what it means |
 * |---|---|
 * | `connecting` | an attempt to open a connection is under way |
 * | `connected` | open, and messages come |
 * | `silent` | open, pongs come, and no message |
 * | `waiting` | no connection; the next attempt comes after the reconnect ladder's delay |
 * | `stopped` | ended by a person |
 */
export type ConnectionState = 'connecting' | 'connected' | 'silent' | 'waiting' | 'stopped';

/** Why a connection ended, or was not had. */
export const END_REASONS = [
  /** We closed it: code 1000. */
  'stopped',
  /** No matching pong in time. */
  'dead-peer',
  /** The server closed it, with a code. */
  'closed',
  /** 1011, or health told `OUTPUT_BUFFER_OVERFLOW` before the end: the server threw out a slow consumer. */
  'thrown-out',
  /** It ended without a close frame: code 1006. */
  'lost',
  /** We ended it, for what came is no WebSocket, or is a message over the limit: code 1002, 1007 or 1009. */
  'protocol-error',
  /** It could not be opened: refused, timed out, no WebSocket, certificate not trusted. */
  'not-opened',
] as const;

export type EndReason = (typeof END_REASONS)[number];

/** One connection, from the dial to its end. Instants are ISO 8601. */
export interface EndedConnection {
  reason: EndReason;
  /** In words, for people. */
  detail: string;
  /** It had a matching pong and a decoded message, or 30 s of uptime: the reconnect ladder starts again. */
  healthy: boolean;
  openedAt?: string;
  endedAt: string;
  localPort?: number;
  /** The close code of the WebSocket. */
  code?: number;
  lastMessageAt?: string;
  messages: number;
  bytes: number;
}

/** Time without a message between two connections. */
export interface Gap {
  /** The last message before it, or the start of the session. */
  from: string;
  /** The first message after it. */
  to: string;
}

/**
 * An `attempt` is a step of the reconnect ladder: 0 for the first of all, then 1, 2, 3 …, and 1 again after a
 * connection that was healthy.
 */
type EventFields =
  | { event: 'connecting'; attempt: number }
  | { event: 'open'; localPort: number; attempt: number }
  | { event: 'dead-peer'; silentSeconds: number }
  | { event: 'silent'; silentSeconds: number }
  | { event: 'resumed'; silentSeconds: number }
  | { event: 'closed'; code: number; reason: string }
  | { event: 'retry-in'; seconds: number; attempt: number; reason: string }
  | { event: 'gap'; from: string; to: string }
  | { event: 'segment'; file: string; messages: number }
  | { event: 'dropped'; messages: number; bytes: number }
  | { event: 'stopped' };

/** A line of `sensor hold --json`. */
export type SensorEvent = { at: string; sensor: string } & EventFields;

/** How a held stream does just now: heartbeat details of `holdConnection`, and what `sensor status` shows. */
export interface StreamStatus {
  state: ConnectionState;
  connectedSince?: string;
  localPort?: number;
  lastMessageAt?: string;
  /** Over the last ten seconds. */
  messagesPerSecond: number;
  bytesPerSecond: number;
  messages: number;
  bytes: number;
  dropped: { messages: number; bytes: number };
  queuedBytes: number;
  /** The segment that is being written. */
  file?: string;
  /** Why nothing is being recorded though it should be, such as a full disk. */
  recordingStopped?: string;
  lastGap?: Gap;
  /** Round trip of the last ping. */
  pingMs?: number;
  /** `LastHour.fromJson(…).summary()` makes figures of it. */
  lastHour: LastHourJson;
}
