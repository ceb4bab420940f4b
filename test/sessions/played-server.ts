import type { EndedConnection, SensorEvent, StreamStatus } from '../../domain/sensor.ts';
import type { OpenHolder } from '../../activities/sensor/session/held-stream.ts';
import { noopMetricMeter } from '@temporalio/common';
import { createSensorMetrics } from '../../activities/sensor/sensor-metrics.ts';
import type { StreamHolder } from '../../activities/sensor/stream-holder.ts';

export interface PlayedConnection {
  /** Who dialed it. */
  worker: string;
  dialedAt: number;
  endedAt?: number;
  /** From the server's side. */
  end(how: Partial<EndedConnection>): void;
  isOpen: boolean;
}

type Mode = 'serve' | 'refuse';

/** A sensor server that exists in memory only: for tests in which the connection itself is not the point. */
export class PlayedServer {
  mode: Mode = 'serve';
  /** Nobody gets messages. */
  silent = false;
  readonly dials: PlayedConnection[] = [];
  readonly finished: string[] = [];
  peak = 0;
  readonly #watchers = new Set<() => void>();

  get open(): PlayedConnection[] {
    return this.dials.filter(({ isOpen }) => isOpen);
  }

  /** What a worker holds streams with. */
  holderOf(worker: string): OpenHolder {
    return (sensor, _before, onEvent) =>
      Promise.resolve(new PlayedHolder(this, worker, sensor, onEvent));
  }

  async until(isWanted: (server: PlayedServer) => boolean): Promise<void> {
    if (isWanted(this)) return;
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!isWanted(this)) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
    });
  }

  changed(): void {
    this.peak = Math.max(this.peak, this.open.length);
    for (const look of this.#watchers) look();
  }
}

class PlayedHolder implements StreamHolder {
  readonly metrics = createSensorMetrics(noopMetricMeter);
  readonly #server: PlayedServer;
  readonly #worker: string;
  readonly #sensor: string;
  readonly #onEvent: (event: SensorEvent) => void;
  #state: StreamStatus['state'] = 'connecting';
  #since: string | undefined;

  constructor(
    server: PlayedServer,
    worker: string,
    sensor: string,
    onEvent: (event: SensorEvent) => void,
  ) {
    this.#server = server;
    this.#worker = worker;
    this.#sensor = sensor;
    this.#onEvent = onEvent;
  }

  get status(): StreamStatus {
    const at = this.#since;
    return {
      state: this.#state === 'connected' && this.#server.silent ? 'silent' : this.#state,
      ...(at && { connectedSince: at, lastMessageAt: at }),
      messagesPerSecond: 10,
      bytesPerSecond: 18_000,
      messages: 1,
      bytes: 1_800,
      dropped: { messages: 0, bytes: 0 },
      queuedBytes: 0,
      lastHour: {},
    };
  }

  async holdConnection({ attempt, signal }: { attempt: number; signal: AbortSignal }) {
    return new Promise<EndedConnection>((resolve) => {
      const connection: PlayedConnection = {
        worker: this.#worker,
        dialedAt: Date.now(),
        isOpen: this.#server.mode === 'serve',
        end: (how) => {
          if (connection.endedAt !== undefined) return;
          connection.isOpen = false;
          connection.endedAt = Date.now();
          this.#state = 'waiting';
          this.#since = undefined;
          this.#server.changed();
          resolve({ ...endOf(how) });
        },
      };
      this.#server.dials.push(connection);
      signal.addEventListener('abort', () => connection.end({ reason: 'stopped', code: 1000 }));
      if (!connection.isOpen) {
        connection.end({ reason: 'not-opened', detail: 'connect ECONNREFUSED', healthy: false });
        return;
      }
      this.#state = 'connected';
      this.#since = new Date().toISOString();
      this.#onEvent({
        at: this.#since,
        sensor: this.#sensor,
        event: 'open',
        localPort: 1,
        attempt,
      });
      this.#server.changed();
    });
  }

  async finish(): Promise<void> {
    this.#server.finished.push(this.#worker);
    this.#server.changed();
  }
}

const endOf = (how: Partial<EndedConnection>): EndedConnection => ({
  reason: 'lost',
  detail: 'the connection was lost (1006)',
  healthy: true,
  endedAt: new Date().toISOString(),
  messages: 1,
  bytes: 1_800,
  ...how,
});
