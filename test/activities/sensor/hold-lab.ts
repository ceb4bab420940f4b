import { once, EventEmitter } from 'node:events';
import { holdStream } from '../../../activities/sensor/hold-stream.ts';
import {
  openStreamHolder,
  type StreamHolder,
  type StreamHolderOptions,
} from '../../../activities/sensor/stream-holder.ts';
import type { EndedConnection, SensorEvent } from '../../../domain/sensor.ts';
import { reported } from '../../reported.ts';

/** A heartbeat that is quick enough for a test, and slow enough for a busy machine. */
export const quickProfile = { pingEveryMs: 600, pongWithinMs: 400 };

type Named<E extends SensorEvent['event']> = Extract<SensorEvent, { event: E }>;

export interface HoldLab extends AsyncDisposable {
  holder: StreamHolder;
  events: readonly SensorEvent[];
  /** Lines such as `warn local port given up {…}`. */
  log: ReturnType<typeof reported>;
  /** Resolves with the first event of that name that fits, also when it was before. */
  waitFor: <E extends SensorEvent['event']>(
    name: E,
    fits?: (event: Named<E>) => boolean,
  ) => Promise<Named<E>>;
  /** One connection. */
  connect: (attempt?: number) => Promise<EndedConnection>;
  /** One connection after the other, on the reconnect ladder, until it is stopped. */
  run: (random?: () => number) => void;
  /** What `sensor hold` does on Ctrl-C. */
  stop: () => void;
}

/** Holds a stream in the test's own process; stopped, and its recording finished, at the end. */
export async function holdLab(
  options: Partial<StreamHolderOptions> & { url: string },
): Promise<HoldLab> {
  const log = reported();
  const events: SensorEvent[] = [];
  const happened = new EventEmitter().setMaxListeners(0);
  const controller = new AbortController();
  const { signal } = controller;
  const held: Promise<unknown>[] = [];
  const write = (level: string) => (message: string, fields?: object) =>
    log.report(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  const holder = await openStreamHolder({
    sensor: 'pier-3',
    stream: 'output',
    profile: quickProfile,
    silentAfterMs: 3_000,
    onEvent: (event) => {
      events.push(event);
      happened.emit('event');
    },
    log: { info: write('info'), warn: write('warn'), error: write('error') },
    ...options,
  });
  const keep = <T>(work: Promise<T>): Promise<T> => {
    held.push(work);
    return work;
  };
  return {
    holder,
    events,
    log,
    waitFor: async (name, fits = () => true) => {
      for (let seen = 0; ; seen++) {
        while (seen === events.length) await once(happened, 'event');
        const event = events[seen]!;
        if (event.event === name && fits(event as Named<typeof name>)) {
          return event as Named<typeof name>;
        }
      }
    },
    connect: (attempt = 0) => keep(holder.holdConnection({ attempt, signal })),
    run: (random = () => 0.5) =>
      void keep(holdStream(holder, { signal, random, onRetry: () => {} })),
    stop: () => controller.abort(),
    [Symbol.asyncDispose]: async () => {
      controller.abort();
      await Promise.all(held);
      await holder.finish();
    },
  };
}
