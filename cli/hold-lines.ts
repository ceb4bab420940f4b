import { formatBytes, formatCount } from '../domain/format-figures.ts';
import type { SensorEvent, StreamStatus } from '../domain/sensor.ts';
import { formatDurationMs } from '../domain/time.ts';

/**
 * What happened, for people: `2026-03-01T07:10:28Z  open, from local port 34340`.
 *
 * @param before what happened before it, which need not be said again
 */
export const lineOf = (event: SensorEvent, before?: SensorEvent['event']): string =>
  `${event.at.slice(0, 19)}Z  ${sentenceOf(event, before)}`;

function sentenceOf(event: SensorEvent, before: SensorEvent['event'] | undefined): string {
  switch (event.event) {
    case 'connecting':
      return event.attempt > 0 ? `connecting, attempt ${event.attempt}` : 'connecting';
    case 'open':
      return `open, from local port ${event.localPort}`;
    case 'dead-peer':
      return `dead peer: no pong in time, and nothing at all for ${event.silentSeconds.toFixed(1)} s; the connection was reset`;
    case 'silent':
      return `silent: pongs come, and no message for ${event.silentSeconds.toFixed(1)} s`;
    case 'resumed':
      return `messages again, after ${event.silentSeconds.toFixed(1)} s`;
    case 'closed':
      return `ended, code ${event.code}: ${event.reason}`;
    case 'retry-in':
      return `${before === 'connecting' ? `${event.reason}; ` : ''}next attempt in ${event.seconds.toFixed(1)} s`;
    case 'gap':
      return `gap of ${secondsBetween(event.from, event.to)} s: from ${event.from} to ${event.to}`;
    case 'segment':
      return `finished ${event.file}: ${formatCount(event.messages)} messages`;
    case 'dropped':
      return `dropped ${formatCount(event.messages)} messages (${formatBytes(event.bytes)}): disk or processor did not keep up`;
    case 'stopped':
      return 'stopped';
    default:
      return event satisfies never;
  }
}

const secondsBetween = (from: string, to: string): string =>
  ((Date.parse(to) - Date.parse(from)) / 1_000).toFixed(1);

/** How it does just now: `connected for 2h3m · 12.3 messages/s · 15 kB/s · ping 0.4 ms · recordings/….mcap.part`. */
export function rateLineOf(status: StreamStatus, now = Date.now()): string {
  const { state, connectedSince, pingMs, queuedBytes, dropped, file, recordingStopped } = status;
  const since = connectedSince && Math.floor((now - Date.parse(connectedSince)) / 1_000) * 1_000;
  return [
    since ? `${state} for ${formatDurationMs(since)}` : state,
    `${status.messagesPerSecond} messages/s`,
    `${formatBytes(status.bytesPerSecond)}/s`,
    ...(pingMs === undefined ? [] : [`ping ${pingMs} ms`]),
    ...(queuedBytes > 0 ? [`${formatBytes(queuedBytes)} wait for the disk`] : []),
    ...(dropped.messages > 0 ? [`${formatCount(dropped.messages)} dropped`] : []),
    ...(recordingStopped ? [`NOT RECORDING: ${recordingStopped}`] : file ? [file] : []),
  ].join(' · ');
}
