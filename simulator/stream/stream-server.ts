import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { SensorStream } from '../../domain/sensor.ts';
import type { FaultBoard } from '../faults.ts';
import { listen } from '../listen.ts';
import { frameHeader, opcodes } from '../protocol/websocket-frames.ts';
import { tcpStates } from '../tcp-states.ts';
import { ClientConnection } from './client-connection.ts';
import { nowMs, type ConnectionRecord } from './connection-record.ts';
import { garbageFor } from './garbage.ts';
import { SentLog, type MessageKind, type SentMessage } from './sent-log.ts';

export interface TlsFiles {
  /** PEM. */
  key: string;
  cert: string;
  /** Clients need a certificate that one of these signed. */
  ca?: string;
  requestCert?: boolean;
}

/**
 * Told of each message just before it goes to a connection's socket.
 *
 * @param payload what the client should receive as one message; undefined for bytes that are no message at all
 */
export type SentListener = (
  sent: SentMessage & { stream: SensorStream },
  payload: () => Buffer | undefined,
) => void;

export type ConnectionListener = (
  change: 'opened' | 'ended',
  stream: SensorStream,
  record: ConnectionRecord,
) => void;

export interface StreamServerOptions {
  stream: SensorStream;
  host: string;
  port: number;
  tls: TlsFiles | undefined;
  faults: FaultBoard;
  /** A client that leaves more than this waiting is thrown out with 1011. */
  maxBufferBytes: number;
  nextId: () => number;
  onSent: SentListener | undefined;
  onConnection: ConnectionListener | undefined;
  onChange: () => void;
}

export interface StreamCounts {
  now: number;
  ever: number;
  /** Most at once. */
  peak: number;
  /** The last ten thousand, oldest first. */
  connections: ConnectionRecord[];
  /** Sockets of the port by TCP state, from the kernel, at the moment of reading this. */
  readonly tcp: Record<string, number> | undefined;
}

const MOST_RECORDS = 10_000;
const WRITING_BUFFER_FULL = 'Writing buffer is full';

/** Listens for one stream's clients, and sends each message to all of them. */
export class StreamServer {
  readonly sent = new SentLog();
  port = 0;
  readonly #options: StreamServerOptions;
  readonly #connections = new Set<ClientConnection>();
  readonly #records: ConnectionRecord[] = [];
  #server: Server | undefined;
  #sequence = 0;
  #ever = 0;
  #peak = 0;

  constructor(options: StreamServerOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    if (this.#server) return;
    const { tls, host } = this.#options;
    const accept = (socket: Socket) => this.#accept(socket);
    const server = tls ? createTlsServer(tls, accept) : createTcpServer(accept);
    server.on('tlsClientError', () => undefined);
    this.#server = server;
    this.port = await listen(server, host, this.port || this.#options.port);
  }

  /** Nobody listens any more; open connections stay. */
  refuse(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  stop(): void {
    this.refuse();
    for (const connection of this.#connections) connection.close(1006, '');
  }

  /** The number that the next message will have. */
  get nextSequence(): number {
    return this.#sequence + 1;
  }

  get hasListeners(): boolean {
    return [...this.#connections].some((connection) => connection.isOpen);
  }

  /** Sends one message to every open connection, unless a fault is against it. */
  broadcast(kind: MessageKind, parts: readonly Buffer[]): void {
    this.#sequence++;
    const { faults, stream } = this.#options;
    if (faults.on('silent', stream) || faults.on('mute', stream) || faults.on('stall', stream))
      return;
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    const whole = [frameHeader(opcodes.binary, bytes), ...parts];
    for (const connection of this.#connections) {
      if (connection.isOpen && !connection.isBroken) this.#sendTo(connection, kind, whole, bytes);
    }
    this.#options.onChange();
  }

  closeAll(code: number, reason: string): void {
    for (const connection of this.#connections) connection.close(code, reason);
  }

  resetAll(): void {
    for (const connection of this.#connections) connection.reset();
  }

  followFaults(): void {
    for (const connection of this.#connections) connection.followFaults();
  }

  counts(): StreamCounts {
    const { port } = this;
    return {
      now: this.#connections.size,
      ever: this.#ever,
      peak: this.#peak,
      connections: this.#records.map((record) => ({ ...record, pingsAtMs: [...record.pingsAtMs] })),
      get tcp() {
        return tcpStates(port);
      },
    };
  }

  #sendTo(
    connection: ClientConnection,
    kind: MessageKind,
    whole: readonly Buffer[],
    bytes: number,
  ): void {
    const { record } = connection;
    if (connection.waitingBytes > this.#options.maxBufferBytes) {
      connection.close(1011, WRITING_BUFFER_FULL);
      return;
    }
    const fault = this.#options.faults.on('garbage', this.#options.stream);
    const garbage =
      fault && record.messages % (fault.every ?? 1) === 0
        ? garbageFor(fault.kind ?? 'bytes', whole.slice(1))
        : undefined;
    connection.isBroken = garbage?.breaks ?? false;
    record.messages++;
    record.bytes += bytes;
    const isWhole = garbage === undefined || garbage.isMessage;
    const sent = { sequence: this.#sequence, connection: record.id, atMs: nowMs(), bytes };
    const message = { ...sent, kind: isWhole ? kind : ('garbage' as const) };
    this.sent.add(message);
    this.#options.onSent?.({ ...message, stream: this.#options.stream }, () =>
      garbage ? garbage.payload : Buffer.concat(whole.slice(1)),
    );
    connection.send(garbage?.parts ?? whole);
  }

  #accept(socket: Socket): void {
    const { stream, faults, nextId } = this.#options;
    const onChange = (connection: ClientConnection) => this.#follow(connection);
    const connection = new ClientConnection(nextId(), socket, { stream, faults, onChange });
    this.#connections.add(connection);
    this.#records.push(connection.record);
    if (this.#records.length > MOST_RECORDS) this.#records.shift();
    this.#ever++;
    this.#peak = Math.max(this.#peak, this.#connections.size);
    const reset = faults.on('reset', stream);
    if (reset?.keep && reset.at === 'accept') connection.reset();
    this.#options.onChange();
  }

  #follow(connection: ClientConnection): void {
    const { record } = connection;
    if (record.endedAtMs !== undefined) {
      this.#connections.delete(connection);
      this.#options.onConnection?.('ended', this.#options.stream, record);
    } else if (connection.isOpen && !connection.wasGreeted) {
      this.#options.onConnection?.('opened', this.#options.stream, record);
      this.#greet(connection);
    }
    this.#options.onChange();
  }

  /** What faults do to a connection that has just been opened. */
  #greet(connection: ClientConnection): void {
    connection.wasGreeted = true;
    const { stream, faults } = this.#options;
    const close = faults.on('close', stream);
    if (close?.keep) {
      const end = () => connection.close(close.code ?? 1011, close.reason ?? '');
      if (close.afterMs) setTimeout(end, close.afterMs).unref();
      else end();
    }
    if (faults.on('reset', stream)?.keep) connection.reset();
  }
}
