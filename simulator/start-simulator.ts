import type { SensorStream } from '../domain/sensor.ts';
import { FaultBoard, type FaultName, type FaultOptions, type Faults } from './faults.ts';
import { RestServer, type RestCounts } from './rest/rest-server.ts';
import { RestState } from './rest/rest-state.ts';
import { Scene } from './scene/scene.ts';
import { firstZones } from './scene/zones.ts';
import { startBroadcast } from './stream/broadcast.ts';
import type { SentMessage } from './stream/sent-log.ts';
import {
  StreamServer,
  type ConnectionListener,
  type SentListener,
  type StreamCounts,
  type TlsFiles,
} from './stream/stream-server.ts';
import { Watchers } from './watchers.ts';

export interface SimulatorOptions {
  /** 127.0.0.1 unless said. */
  host?: string;
  /** 0, or nothing: a free one. */
  ports?: { output?: number; points?: number; rest?: number };
  /** Moving about: 20 unless said. */
  objects?: number;
  /** Object messages, and clouds, a second: 10 unless said. */
  hertz?: number;
  /** Of a cloud: 10,000 unless said; 16 bytes each. */
  points?: number;
  /** Of each object: 0 unless said. With 250, 100 objects make a message of 474 KB. */
  objectPoints?: number;
  /** wss and https. */
  tls?: TlsFiles;
  /** A client that leaves more unread is thrown out: 64 MiB unless said. */
  maxBufferBytes?: number;
  onSent?: SentListener;
  onConnection?: ConnectionListener;
  /** The prefix of the REST resources: `v3.5` unless said. */
  version?: string;
}

export interface Counts {
  output: StreamCounts;
  points: StreamCounts;
  rest: RestCounts;
}

export interface Simulator extends AsyncDisposable {
  urls: { output: string; points: string; rest: string };
  faults: Faults;
  counts(): Counts;
  /** Oldest first. */
  sent(filter?: { stream?: SensorStream; connection?: number }): SentMessage[];
  /** Resolves as soon as the counts are so; looks after each connection, ping, end and request. */
  waitFor(isSo: (counts: Counts) => boolean, timeoutMs?: number): Promise<Counts>;
  /** Called after each change of the counts. */
  onChange(listener: (counts: Counts) => void): Disposable;
  stop(): Promise<void>;
}

const DEFAULT_MAX_BUFFER_BYTES = 64 * 1024 * 1024;

/** A sensor server as SENSR's protocol describes it: two streams and REST, with faults that can be switched on. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = '127.0.0.1', ports = {}, tls, version = 'v3.5' } = options;
  const board = new FaultBoard();
  const scene = new Scene(options.objects ?? 20, firstZones);
  const watchers = new Watchers<Counts>(() => counts());
  const onChange = () => watchers.look();
  const streams = streamServers(options, board, onChange);
  const faults = faultsOf(board, streams);
  const sent: Simulator['sent'] = ({ stream = 'output', connection } = {}) =>
    streams[stream].sent.of(connection);
  const rest = new RestServer(
    { host, port: ports.rest ?? 0, tls, board, onChange, state: new RestState(version, scene) },
    { faults, sent, counts: () => counts() },
  );
  const counts = (): Counts => ({
    output: streams.output.counts(),
    points: streams.points.counts(),
    rest: rest.counts(),
  });
  const stopServers = async () => {
    streams.output.stop();
    streams.points.stop();
    await rest.stop();
  };
  await openAll([streams.output, streams.points, rest], stopServers);
  const { hertz = 10, points = 10_000, objectPoints = 0 } = options;
  const broadcast = startBroadcast(streams, scene, board, { hertz, points, objectPoints });
  const stop = () => {
    broadcast[Symbol.dispose]();
    return stopServers();
  };
  const secure = tls ? 's' : '';
  return {
    urls: {
      output: `ws${secure}://${host}:${streams.output.port}`,
      points: `ws${secure}://${host}:${streams.points.port}`,
      rest: `http${secure}://${host}:${rest.port}`,
    },
    faults,
    counts,
    sent,
    waitFor: (isSo, timeoutMs = 30_000) => watchers.waitFor(isSo, timeoutMs),
    onChange: (listener) => watchers.add(listener),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Opens all or none. */
async function openAll(
  servers: readonly { open(): Promise<void> }[],
  stopAll: () => Promise<void>,
): Promise<void> {
  const results = await Promise.allSettled(servers.map((server) => server.open()));
  const failure = results.find((result) => result.status === 'rejected');
  if (!failure) return;
  await stopAll();
  throw failure.reason;
}

function streamServers(
  { host = '127.0.0.1', ports = {}, tls, maxBufferBytes, onSent, onConnection }: SimulatorOptions,
  faults: FaultBoard,
  onChange: () => void,
): Streams {
  let lastId = 0;
  const common = {
    host,
    tls,
    faults,
    maxBufferBytes: maxBufferBytes ?? DEFAULT_MAX_BUFFER_BYTES,
    nextId: () => ++lastId,
    onSent,
    onConnection,
    onChange,
  };
  const server = (stream: SensorStream) =>
    new StreamServer({ ...common, stream, port: ports[stream] ?? 0 });
  return { output: server('output'), points: server('points') };
}

type Streams = Record<SensorStream, StreamServer>;

/** Both streams, or the one that the fault names. */
const concerned = (streams: Streams, stream: SensorStream | undefined): StreamServer[] =>
  stream ? [streams[stream]] : [streams.output, streams.points];

function faultsOf(board: FaultBoard, streams: Streams): Faults {
  const follow = async () => {
    const all: SensorStream[] = ['output', 'points'];
    for (const stream of all) {
      if (board.on('refuse', stream)) streams[stream].refuse();
      else await streams[stream].open();
      streams[stream].followFaults();
    }
  };
  return {
    active: () => board.active(),
    clear: async (name?: FaultName) => {
      board.clear(name);
      await follow();
    },
    set: async <N extends FaultName>(name: N, options: FaultOptions[N] = {}) => {
      const { keep } = options as { keep?: boolean };
      const isOnce = (name === 'close' || name === 'reset') && !keep;
      if (!isOnce) board.set(name, options);
      applyAtOnce(name, options, streams);
      if (!isOnce) await follow();
    },
  };
}

/** What a fault does to the connections that are open when it begins. */
function applyAtOnce<N extends FaultName>(
  name: N,
  options: FaultOptions[N],
  streams: Streams,
): void {
  const { stream, code, reason } = options as FaultOptions['close'];
  for (const server of concerned(streams, stream)) {
    if (name === 'close') server.closeAll(code ?? 1011, reason ?? '');
    if (name === 'reset') server.resetAll();
  }
}
