import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { SensorStream } from '../../domain/sensor.ts';
import type { FaultBoard } from '../faults.ts';
import { plainAnswer, readUpgradeRequest, upgradeAnswer } from '../protocol/upgrade-request.ts';
import {
  ClientFrameReader,
  closeFrame,
  frame,
  opcodes,
  type ClientFrame,
} from '../protocol/websocket-frames.ts';
import { nowMs, type ConnectionRecord } from './connection-record.ts';

export interface ConnectionSurroundings {
  stream: SensorStream;
  faults: FaultBoard;
  /** Something of the record changed. */
  onChange(connection: ClientConnection): void;
}

const MOST_PINGS_KEPT = 1_000;
const CLOSE_TIMEOUT_MS = 2_000;
const DEFAULT_TRICKLE_MS = 500;
const DEFAULT_SLOW_MS = 5_000;
const DEFAULT_LATE_MS = 5_000;
const PROTOCOL_ERROR = 1002;
const ENDLESS_HEADER = 'X-Slow: z';

/**
 * One accepted socket: reads the handshake, answers pings, and does what the faults want.
 *
 * accepted → (handshake) → open → (close frame of one side) → closing → ended
 */
export class ClientConnection {
  readonly record: ConnectionRecord;
  readonly #socket: Socket;
  readonly #around: ConnectionSurroundings;
  readonly #frames = new ClientFrameReader();
  #received: Buffer | undefined = Buffer.alloc(0);
  #timer: NodeJS.Timeout | undefined;
  #isClosing = false;
  /** How much of the handshake's answer a trickle has let through. */
  #trickled = 0;
  /** What garbage has left no WebSocket any more. */
  isBroken = false;
  /** The faults for new connections were applied. */
  wasGreeted = false;

  constructor(id: number, socket: Socket, around: ConnectionSurroundings) {
    this.record = {
      id,
      remotePort: socket.remotePort ?? 0,
      dialedAtMs: nowMs(),
      pingsAtMs: [],
      pongs: 0,
      messages: 0,
      bytes: 0,
    };
    this.#socket = socket;
    this.#around = around;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNRESET' || code === 'EPIPE') this.record.end ??= 'reset';
    });
    socket.on('end', () => (this.record.end ??= this.#isClosing ? 'server-closed' : 'fin'));
    socket.on('close', () => this.#end());
    this.followFaults();
  }

  get isOpen(): boolean {
    const { openedAtMs, endedAtMs } = this.record;
    return openedAtMs !== undefined && endedAtMs === undefined && !this.#isClosing;
  }

  /** Bytes that the client has not taken yet. */
  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  /** Called after each change of the faults. */
  followFaults(): void {
    if (this.#socket.destroyed) return;
    clearTimeout(this.#timer);
    const { faults, stream } = this.#around;
    const slow = faults.on('slow', stream);
    if (faults.on('stall', stream)) this.#socket.pause();
    else if (slow) this.#readNowAndThen(slow.everyMs ?? DEFAULT_SLOW_MS);
    else {
      this.#socket.resume();
      if (this.#received !== undefined) this.#shakeHands();
    }
  }

  /** Writes the parts in one go; nothing is sent after a close frame. */
  send(parts: readonly Buffer[]): void {
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
  }

  /** @param code 1006 ends without a close frame */
  close(code: number, reason: string): void {
    if (this.#isClosing || this.#socket.destroyed) return;
    this.#isClosing = true;
    if (code === 1006 || this.record.openedAtMs === undefined) return this.#hangUp();
    this.#socket.write(closeFrame(code, reason));
    this.#timer = setTimeout(() => this.#hangUp(), CLOSE_TIMEOUT_MS).unref();
  }

  /** Ends with RST; over TLS, where Node cannot, with FIN. */
  reset(): void {
    this.record.end ??= 'server-closed';
    if (this.#socket instanceof TLSSocket) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  #hangUp(): void {
    this.record.end ??= 'server-closed';
    this.#socket.destroy();
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.record.endedAtMs = nowMs();
    this.record.end ??= 'fin';
    this.#around.onChange(this);
  }

  #readNowAndThen(everyMs: number): void {
    this.#socket.pause();
    this.#timer = setTimeout(() => {
      this.#socket.once('data', () => this.#readNowAndThen(everyMs));
      this.#socket.resume();
    }, everyMs).unref();
  }

  #take(chunk: Buffer): void {
    if (this.#received === undefined) return this.#takeFrames(chunk);
    this.#received = Buffer.concat([this.#received, chunk]);
    this.#shakeHands();
  }

  #shakeHands(): void {
    const { faults, stream } = this.#around;
    if (faults.on('mute', stream)) return;
    if (faults.on('garbage', stream)?.kind === 'http')
      return this.#refuseHandshake('200 OK', 'this is a web page');
    try {
      const request = readUpgradeRequest(this.#received!);
      if (!request) return;
      this.record.path = request.path;
      const trickle = faults.on('trickle', stream);
      const answer = upgradeAnswer(request.key);
      if (trickle) this.#trickle(answer, trickle.everyMs ?? DEFAULT_TRICKLE_MS);
      else this.#open(answer, request.rest);
    } catch (error) {
      this.#refuseHandshake('400 Bad Request', error instanceof Error ? error.message : '');
    }
  }

  #refuseHandshake(status: string, text: string): void {
    this.#isClosing = true;
    this.#socket.end(plainAnswer(status, text));
  }

  #trickle(answer: string, everyMs: number): void {
    clearTimeout(this.#timer);
    this.#socket.write(`${answer}${ENDLESS_HEADER}`[this.#trickled] ?? 'z');
    this.#trickled++;
    this.#timer = setTimeout(() => this.#trickle(answer, everyMs), everyMs).unref();
    this.#around.onChange(this);
  }

  #open(answer: string, rest: Buffer): void {
    const { length } = answer;
    const missing =
      this.#trickled > length ? `${ENDLESS_HEADER}\r\n`.slice(this.#trickled - length) : '';
    const tail = this.#trickled > length + ENDLESS_HEADER.length ? '\r\n' : missing;
    this.#socket.write(`${answer.slice(this.#trickled)}${tail}\r\n`);
    this.#received = undefined;
    this.record.openedAtMs = nowMs();
    this.#around.onChange(this);
    if (rest.length > 0) this.#takeFrames(rest);
  }

  #takeFrames(chunk: Buffer): void {
    try {
      for (const one of this.#frames.read(chunk)) this.#handle(one);
    } catch (error) {
      this.close(PROTOCOL_ERROR, error instanceof Error ? error.message : '');
    }
  }

  #handle({ opcode, payload }: ClientFrame): void {
    if (opcode === opcodes.ping) this.#answerPing(payload);
    else if (opcode === opcodes.close) this.#answerClose(payload);
  }

  #answerPing(payload: Buffer): void {
    const { pingsAtMs } = this.record;
    pingsAtMs.push(nowMs());
    if (pingsAtMs.length > MOST_PINGS_KEPT) pingsAtMs.shift();
    const { faults, stream } = this.#around;
    const late = faults.on('late', stream);
    if (late) setTimeout(() => this.#pong(payload), late.delayMs ?? DEFAULT_LATE_MS).unref();
    else this.#pong(payload);
    this.#around.onChange(this);
  }

  #pong(payload: Buffer): void {
    const { faults, stream } = this.#around;
    if (faults.on('mute', stream) || this.isBroken || this.#isClosing || this.#socket.destroyed)
      return;
    this.#socket.write(frame(opcodes.pong, payload));
    this.record.pongs++;
    this.#around.onChange(this);
  }

  #answerClose(payload: Buffer): void {
    this.record.closeCode = payload.length >= 2 ? payload.readUInt16BE() : 1005;
    const { faults, stream } = this.#around;
    if (faults.on('mute', stream)) return;
    if (this.#isClosing) return this.#hangUp();
    this.#isClosing = true;
    this.record.end = 'client-closed';
    this.#socket.end(frame(opcodes.close, payload.subarray(0, 2)));
    this.#timer = setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS).unref();
  }
}
