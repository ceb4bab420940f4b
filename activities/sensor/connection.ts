import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { EndedConnection, HeartbeatProfile } from '../../domain/sensor.ts';
import { AwakeClock } from './awake-clock.ts';
import { ConnectionRecord } from './connection-record.ts';
import { dialFailureInWords } from './dial-failure.ts';
import { dial } from './dial.ts';
import { endReasonOf, NO_CLOSE_FRAME } from './end-reason.ts';
import { Heartbeat } from './heartbeat.ts';
import { pathOf, type TcpPath } from './kept-path.ts';
import { resetHard } from './reset-hard.ts';
import type { SensorLog } from './sensor-log.ts';
import { serverAddressOf } from './server-address.ts';
import { SilenceWatch } from './silence-watch.ts';
import type { StreamFrame } from './stream-frame.ts';
import { tlsFilesOf, type TlsFiles } from './tls-files.ts';

const NORMAL_CLOSE = 1000;
/** A little less than ws takes, which would then end it with FIN. */
const CLOSE_WITHIN_MS = 4_500;

export interface ConnectionOptions extends TlsFiles {
  url: string;
  profile: HeartbeatProfile;
  silentAfterMs: number;
  /** Of the connection before, when it did not end with a closing handshake. */
  kept: TcpPath | undefined;
  log: SensorLog;
  onOpen: (localPort: number) => void;
  onFrame: (frame: StreamFrame) => void;
  onPong: (roundTripMs: number) => void;
  onSilent: (seconds: number) => void;
  onResumed: (seconds: number) => void;
}

export interface ConnectionEnd {
  ended: EndedConnection;
  /** The server's words in its close frame. */
  words: string;
  /** Since a message or a pong came. */
  quietSeconds: number;
  /** What the next connection must leave from, so that the server cannot hold both. */
  kept: TcpPath | undefined;
}

interface Close {
  code: number;
  words: string;
}

/**
 * One connection, from the dial to its end.
 *
 * | state | what happens | what is done | next state |
 * |---|---|---|---|
 * | dialing | the handshake is done | the first ping is due in one interval | connected |
 * | dialing | it is refused, or not done in time | RST | ended: `not-opened` |
 * | dialing | the signal | RST | ended: `stopped` |
 * | connected | no message for `silentAfterMs` | tells so | silent |
 * | silent | a message | tells so | connected |
 * | connected, silent | no matching pong in time | RST | ended: `dead-peer` |
 * | connected, silent | a close frame | answers it | ended: `closed`, `thrown-out` |
 * | connected, silent | an end without close frame | RST | ended: `lost`, `thrown-out` |
 * | connected, silent | what is no WebSocket, or over 64 MiB | close 1002, 1007, 1009 | ended: `protocol-error` |
 * | connected, silent | the signal | close 1000 | ended: `stopped` |
 *
 * A close that takes over 4.5 s ends in RST. After an RST the next connection leaves from the same local port.
 *
 * @see docs/sensors.md#the-states-of-a-connection
 */
export class Connection {
  readonly record = new ConnectionRecord();
  readonly #options: ConnectionOptions;
  readonly #clock: AwakeClock;
  readonly #heartbeat: Heartbeat;
  readonly #silence: SilenceWatch;
  #tcp: Socket | undefined;
  #path: TcpPath | undefined;
  #cause: 'stopped' | 'dead-peer' | undefined;
  #violation: Error | undefined;
  #openedAtMs = 0;
  #heardAtMs = 0;

  constructor(options: ConnectionOptions) {
    const { profile, silentAfterMs, onSilent, onResumed, log } = options;
    const onStall = (ms: number) =>
      log.warn('this process stood still', { milliseconds: Math.round(ms) });
    const clock = new AwakeClock({ onStall });
    this.#options = options;
    this.#clock = clock;
    this.#silence = new SilenceWatch({ clock, silentAfterMs, onSilent, onResumed });
    this.#heartbeat = new Heartbeat({ profile, clock });
  }

  get silent(): boolean {
    return this.#silence.silent;
  }

  /** Settles when its socket is closed; never throws. */
  async hold(signal: AbortSignal): Promise<ConnectionEnd> {
    using _ = this.#clock;
    const closed = new Promise<Close>((resolve, reject) => {
      this.#dial(signal, resolve).catch(reject);
    });
    try {
      return this.#endOf(await closed);
    } catch (error) {
      return this.#endOfDial(error, signal);
    }
  }

  async #dial(signal: AbortSignal, onClose: (close: Close) => void): Promise<void> {
    const { url, kept, log } = this.#options;
    const webSocket = await dial({
      url,
      ...tlsFilesOf(this.#options),
      kept,
      log,
      signal,
      server: serverAddressOf(url),
      clock: this.#clock,
      onTcp: (tcp) => {
        this.#tcp = tcp;
        this.#path = pathOf(tcp);
      },
      listen: (opening, socket) => this.#listen(opening, socket, onClose),
    });
    const stop = () => this.#stop(webSocket);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    webSocket.once('close', () => signal.removeEventListener('abort', stop));
  }

  #listen(webSocket: WebSocket, socket: Socket, onClose: (close: Close) => void): void {
    webSocket.on('open', () => {
      webSocket.on('close', (code, words) => onClose({ code, words: words.toString() }));
      this.#opened(webSocket, socket);
    });
    webSocket.on('message', (data, isBinary) => this.#received(data as Buffer, isBinary));
    webSocket.on('pong', (payload) => this.#heartbeat.pong(payload));
    webSocket.on('error', (error) => this.#failed(error));
  }

  #opened(webSocket: WebSocket, socket: Socket): void {
    const { localPort } = this.#path!;
    this.#openedAtMs = this.#heardAtMs = this.#clock.now();
    this.record.opened(localPort);
    this.#silence.start();
    this.#heartbeat.start({
      ping: (payload) => webSocket.ping(payload),
      onPong: (ms) => this.#ponged(ms),
      onDead: () => this.#reset('dead-peer'),
    });
    socket.prependOnceListener('end', () => {
      if (webSocket.readyState === WebSocket.OPEN) this.#reset();
    });
    this.#options.onOpen(localPort);
  }

  #received(bytes: Buffer, isBinary: boolean): void {
    const frame = { bytes, isBinary, receivedAtNs: BigInt(Date.now()) * 1_000_000n };
    this.#heardAtMs = this.#clock.now();
    this.record.received(frame);
    this.#silence.heard();
    this.#options.onFrame(frame);
  }

  #ponged(roundTripMs: number): void {
    this.#heardAtMs = this.#clock.now();
    this.record.ponged = true;
    this.#options.onPong(roundTripMs);
  }

  /** Before it is open, the dial tells; then ws has sent the close frame with the code for it. */
  #failed(error: Error): void {
    if (!this.record.openedAt) return;
    if ((error as NodeJS.ErrnoException).code?.startsWith('WS_ERR')) this.#violation = error;
    this.#clock.after(CLOSE_WITHIN_MS, () => this.#reset());
  }

  #stop(webSocket: WebSocket): void {
    this.#cause ??= 'stopped';
    this.#clock.after(CLOSE_WITHIN_MS, () => this.#reset());
    webSocket.close(NORMAL_CLOSE);
  }

  /** Ends the socket at once, and the server's too where the path allows it; its `close` follows. */
  #reset(cause?: 'dead-peer'): void {
    this.#cause ??= cause;
    resetHard(this.#tcp!);
  }

  #endOf({ code, words }: Close): ConnectionEnd {
    const { record } = this;
    const [now, cause, violation] = [this.#clock.now(), this.#cause, this.#violation];
    const quietSeconds = (now - this.#heardAtMs) / 1_000;
    const ending = { cause, violation, code, words, health: record.health, quietSeconds };
    const ended = record.ended({ ...endReasonOf(ending), code }, now - this.#openedAtMs);
    const kept = code === NO_CLOSE_FRAME ? this.#path : undefined;
    return { ended, words, quietSeconds, kept };
  }

  #endOfDial(error: unknown, signal: AbortSignal): ConnectionEnd {
    const { url, kept } = this.#options;
    const why = signal.aborted
      ? ({ reason: 'stopped', detail: 'stopped before there was a connection' } as const)
      : ({
          reason: 'not-opened',
          detail: dialFailureInWords(error, serverAddressOf(url)),
        } as const);
    const ended = this.record.ended(why, 0);
    return { ended, words: '', quietSeconds: 0, kept: this.#path ?? kept };
  }
}
