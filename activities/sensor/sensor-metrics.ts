import type { MetricMeter } from '@temporalio/common';
import type { LastHour } from '../../domain/last-hour.ts';
import { END_REASONS, type EndReason, type SensorStream } from '../../domain/sensor.ts';
import { tcpStates, type TcpState } from './host-sockets.ts';
import type { DiskRoom } from './recording/disk-room.ts';

// A type, for the labels go to the meter as tags.
export type SensorLabels = { sensor: string; stream: SensorStream };

export interface RestCall {
  /** Host and port. */
  server: string;
  method: string;
  status: number | 'error';
  seconds: number;
}

/** Where a held stream tells what happens to it; each call is cheap enough for each message. */
export interface SensorMetrics {
  /** This process holds the stream from now on, connected or not; its counters are there, at 0 at first. */
  held(labels: SensorLabels): void;
  left(labels: SensorLabels): void;
  /** Whether what comes is recorded. */
  recording(labels: SensorLabels, isRecorded: boolean): void;
  /** Of the disk that is recorded to. */
  diskRoom(labels: SensorLabels, room: DiskRoom): void;
  connectionOpened(labels: SensorLabels): void;
  connectionEnded(
    labels: SensorLabels,
    ended: { reason: EndReason; connectedSeconds: number },
  ): void;
  /** Round trip of a ping and its own pong. */
  pinged(labels: SensorLabels, milliseconds: number): void;
  received(labels: SensorLabels, received: { messages: number; bytes: number }): void;
  dropped(labels: SensorLabels, dropped: { messages: number; bytes: number }): void;
  queued(labels: SensorLabels, bytes: number): void;
  /** At its end. */
  gap(labels: SensorLabels, seconds: number): void;
  rest(call: RestCall): void;
  hostSockets(server: string, counts: Record<TcpState, number>): void;
}

/** For the runtime's `histogramBucketOverrides`: the SDK's own begin at 50. */
export const sensorHistogramBuckets: Record<string, number[]> = {
  fairlead_sensor_ping_milliseconds: [
    0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000,
  ],
  fairlead_sensor_connected_seconds: [1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800, 2_592_000],
  fairlead_sensor_gap_seconds: [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 3_600, 86_400],
  fairlead_sensr_request_seconds: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30],
};

/**
 * The metrics of the worker's Prometheus endpoint.
 *
 * @param meter that of the SDK's runtime, so that there is one endpoint
 * @see docs/sensors.md#metrics
 */
export function createSensorMetrics(meter: MetricMeter): SensorMetrics {
  const connections = connectionMetrics(meter);
  const messages = messageMetrics(meter);
  const { held, left, ...recordings } = recordingMetrics(meter);
  return {
    ...connections,
    ...messages,
    ...recordings,
    ...serverMetrics(meter),
    left,
    held(labels) {
      connections.begin(labels);
      messages.begin(labels);
      held(labels);
    },
  };
}

/** Tells both the metrics and the last hour of one stream. */
export function recordTo(metrics: SensorMetrics, hour: LastHour): SensorMetrics {
  return {
    held: (labels) => metrics.held(labels),
    left: (labels) => metrics.left(labels),
    recording: (labels, isRecorded) => metrics.recording(labels, isRecorded),
    diskRoom: (labels, room) => metrics.diskRoom(labels, room),
    connectionOpened: (labels) => (metrics.connectionOpened(labels), hour.connectionOpened()),
    connectionEnded: (labels, ended) => (
      metrics.connectionEnded(labels, ended),
      hour.connectionEnded(ended.reason)
    ),
    pinged: (labels, ms) => (metrics.pinged(labels, ms), hour.pinged(ms)),
    received: (labels, received) => (metrics.received(labels, received), hour.received(received)),
    dropped: (labels, dropped) => (metrics.dropped(labels, dropped), hour.dropped(dropped)),
    queued: (labels, bytes) => (metrics.queued(labels, bytes), hour.queued(bytes)),
    gap: (labels, seconds) => (metrics.gap(labels, seconds), hour.gap(seconds)),
    rest: (call) => (
      metrics.rest(call),
      hour.rest({ failed: call.status !== 200, seconds: call.seconds })
    ),
    hostSockets: (server, counts) => metrics.hostSockets(server, counts),
  };
}

function connectionMetrics(meter: MetricMeter) {
  const connects = meter.createCounter(
    'fairlead_sensor_connects',
    undefined,
    'connections that were opened',
  );
  const ended = meter.createCounter(
    'fairlead_sensor_connections_ended',
    undefined,
    'connections that ended or were not had, by reason',
  );
  const connected = meter.createGauge(
    'fairlead_sensor_connected',
    'int',
    undefined,
    '1 while a connection is open, else 0',
  );
  const since = meter.createGauge(
    'fairlead_sensor_connected_since_seconds',
    'float',
    's',
    'when the open connection was opened, in seconds since 1970; 0 without one',
  );
  const connectedSeconds = meter.createHistogram(
    'fairlead_sensor_connected_seconds',
    'float',
    's',
    'how long connections lasted',
  );
  const pings = meter.createHistogram(
    'fairlead_sensor_ping_milliseconds',
    'float',
    'ms',
    'round trip of pings',
  );
  return {
    begin(labels: SensorLabels) {
      connects.add(0, labels);
      for (const reason of END_REASONS) ended.add(0, { ...labels, reason });
      connected.set(0, labels);
      since.set(0, labels);
    },
    connectionOpened(labels: SensorLabels) {
      connects.add(1, labels);
      connected.set(1, labels);
      since.set(Date.now() / 1_000, labels);
    },
    connectionEnded(
      labels: SensorLabels,
      { reason, connectedSeconds: seconds }: { reason: EndReason; connectedSeconds: number },
    ) {
      ended.add(1, { ...labels, reason });
      connected.set(0, labels);
      since.set(0, labels);
      if (seconds > 0) connectedSeconds.record(seconds, labels);
    },
    pinged: (labels: SensorLabels, ms: number) => pings.record(ms, labels),
  };
}

type Amount = { messages: number; bytes: number };

function messageMetrics(meter: MetricMeter) {
  const count = (name: string, what: string) => {
    const messages = meter.createCounter(`fairlead_sensor_${name}messages`, undefined, what);
    const bytes = meter.createCounter(`fairlead_sensor_${name}bytes`, 'By', `bytes of ${what}`);
    return (labels: SensorLabels, amount: Amount) => {
      messages.add(amount.messages, labels);
      bytes.add(amount.bytes, labels);
    };
  };
  const received = count('', 'messages that were received');
  const dropped = count('dropped_', 'messages that found the queue full');
  const queue = meter.createGauge(
    'fairlead_sensor_queued_bytes',
    'int',
    'By',
    'received and not yet recorded',
  );
  const gaps = meter.createHistogram(
    'fairlead_sensor_gap_seconds',
    'float',
    's',
    'from the last message of one connection to the first of the next',
  );
  return {
    begin(labels: SensorLabels) {
      for (const amountOf of [received, dropped]) amountOf(labels, { messages: 0, bytes: 0 });
    },
    received,
    dropped,
    queued: (labels: SensorLabels, bytes: number) => queue.set(bytes, labels),
    gap: (labels: SensorLabels, seconds: number) => gaps.record(seconds, labels),
  };
}

function recordingMetrics(meter: MetricMeter) {
  const of = (name: string, unit: string | undefined, what: string) =>
    meter.createGauge(name, 'int', unit, what);
  const held = of(
    'fairlead_sensor_held',
    undefined,
    '1 while this worker holds the stream, else 0',
  );
  const recording = of(
    'fairlead_sensor_recording',
    undefined,
    '1 while what comes is recorded, else 0',
  );
  const free = of('fairlead_recording_free_bytes', 'By', 'free on the disk that is recorded to');
  const reserve = of(
    'fairlead_recording_reserve_bytes',
    'By',
    'what recordings leave free there: with less than that, nothing is recorded',
  );
  return {
    held: (labels: SensorLabels) => held.set(1, labels),
    left: (labels: SensorLabels) => {
      for (const gauge of [held, recording, free, reserve]) gauge.set(0, labels);
    },
    recording: (labels: SensorLabels, isRecorded: boolean) =>
      recording.set(isRecorded ? 1 : 0, labels),
    diskRoom(labels: SensorLabels, { freeBytes, reserveBytes }: DiskRoom) {
      free.set(freeBytes, labels);
      reserve.set(Math.round(reserveBytes), labels);
    },
  };
}

function serverMetrics(meter: MetricMeter) {
  const calls = meter.createCounter(
    'fairlead_sensr_requests',
    undefined,
    'REST calls by server, method and status',
  );
  const seconds = meter.createHistogram(
    'fairlead_sensr_request_seconds',
    'float',
    's',
    'REST calls, from the first byte sent to the last received',
  );
  const sockets = meter.createGauge(
    'fairlead_host_sockets',
    'int',
    undefined,
    "this host's TCP sockets towards a sensor server, by state",
  );
  return {
    rest(call: RestCall) {
      const { server, method } = call;
      calls.add(1, { server, method, status: String(call.status) });
      seconds.record(call.seconds, { server, method });
    },
    hostSockets(server: string, counts: Record<TcpState, number>) {
      for (const state of tcpStates) sockets.set(counts[state], { server, state });
    },
  };
}
