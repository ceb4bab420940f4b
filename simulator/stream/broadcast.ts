import type { FaultBoard } from '../faults.ts';
import type { Scene } from '../scene/scene.ts';
import { cloudEnd, encodeCloud, ring } from './cloud.ts';
import { nowMs } from './connection-record.ts';
import {
  eventMessage,
  healthMessage,
  objectsMessage,
  zonesMessage,
  type ObjectDetail,
  type Stamp,
} from './output-messages.ts';
import type { MessageKind } from './sent-log.ts';
import type { StreamServer } from './stream-server.ts';

export interface BroadcastOptions {
  hertz: number;
  /** Of a cloud. */
  points: number;
  /** Of each object; with any, objects carry their history too. */
  objectPoints: number;
}

const HEALTH_EVERY_MS = 1_000;
const ZONES_EVERY_MS = 10_000;
const HISTORY_STATES = 20;
const HEALTH_OK = 1;
const OUTPUT_BUFFER_OVERFLOW = 5;

/** Moves the scene and tells of it on both streams until it is disposed of. */
export function startBroadcast(
  { output, points }: { output: StreamServer; points: StreamServer },
  scene: Scene,
  faults: FaultBoard,
  options: BroadcastOptions,
): Disposable {
  const detail = objectDetail(options.objectPoints);
  const cloud = options.points > 0 ? encodeCloud(options.points) : undefined;
  const say = (kind: MessageKind, encode: (stamp: Stamp) => Buffer) =>
    output.broadcast(kind, [encode({ atMs: nowMs(), sequence: output.nextSequence })]);
  const sayHealth = () => {
    const fault = faults.of('health');
    const master = fault ? (fault.master ?? OUTPUT_BUFFER_OVERFLOW) : HEALTH_OK;
    say('health', (stamp) => healthMessage(stamp, master));
  };
  const sayZones = () => say('zones', (stamp) => zonesMessage(stamp, scene.zones));
  const tick = () => {
    for (const event of scene.advance(1 / options.hertz))
      say('event', (stamp) => eventMessage(stamp, event));
    say('objects', (stamp) => objectsMessage(stamp, scene.objects, detail));
    if (cloud && points.hasListeners)
      points.broadcast('cloud', [cloud, cloudEnd(points.nextSequence)]);
  };
  const timers = [
    ticking(1_000 / options.hertz, tick),
    ticking(HEALTH_EVERY_MS, sayHealth),
    ticking(ZONES_EVERY_MS, sayZones),
  ];
  return { [Symbol.dispose]: () => timers.forEach((stop) => stop()) };
}

function objectDetail(count: number): ObjectDetail | undefined {
  return count > 0 ? { ...ring(count, 2), historyStates: HISTORY_STATES } : undefined;
}

const MOST_LATE_MS = 1_000;

/** A clock that does not drift: what is late is made up for, unless it is a second late. */
function ticking(everyMs: number, tick: () => void): () => void {
  let next = performance.now() + everyMs;
  let timer: NodeJS.Timeout;
  const run = () => {
    tick();
    next += everyMs;
    if (performance.now() - next > MOST_LATE_MS) next = performance.now();
    timer = setTimeout(run, next - performance.now());
  };
  timer = setTimeout(run, everyMs);
  return () => clearTimeout(timer);
}
