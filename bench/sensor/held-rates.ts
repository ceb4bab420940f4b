import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchPart, Surroundings } from './bench-part.ts';
import { judged, rounded, type Figure } from './figure.ts';
import { HeldStream } from './held-stream.ts';
import { cpuSecondsOf, memoryMiBOf } from './process-usage.ts';
import { connectionFrom, startServer } from './simulated-server.ts';

const SETTLE_MS = 5_000;
const MEASURE_MS = 20_000;
const MOST_HOLD_MIB = 200;

interface Load {
  name: string;
  stream: 'output' | 'points';
  server: readonly string[];
  mostCpuPercent: number;
  leastMbits?: number;
}

const loads: readonly Load[] = [
  {
    name: '100 objects at 10 Hz',
    stream: 'output',
    server: ['--objects', '100'],
    mostCpuPercent: 5,
  },
  {
    name: '100 objects with points and history at 10 Hz',
    stream: 'output',
    server: ['--objects', '100', '--object-points', '250'],
    mostCpuPercent: 5,
  },
  {
    // A little more than 300,000 points, because a message more or less in the time is half a percent.
    name: 'cloud of 304,000 points at 10 Hz',
    stream: 'points',
    server: ['--points', '304000'],
    mostCpuPercent: 100,
    leastMbits: 384,
  },
];

/** What one `sensor hold`, recording, costs: alone on the machine, one load after the other. */
export const heldRates: BenchPart = {
  name: 'rates',
  isAlone: true,
  measure: async (around) => {
    const figures: Figure[] = [];
    for (const load of loads) figures.push(...(await measureLoad(load, around)));
    return figures;
  },
};

async function measureLoad(load: Load, { folder, say }: Surroundings): Promise<Figure[]> {
  say(`${load.name}: ${(SETTLE_MS + MEASURE_MS) / 1_000} s`);
  const cwd = { cwd: folder };
  await using server = await startServer(load.server, cwd);
  const out = join(folder, load.name.replaceAll(/\W+/g, '-'));
  const url = server.urls[load.stream];
  const words = ['--stream', load.stream, '--out', out, '--keep-bytes', '2GiB'];
  await using held = new HeldStream(url, words, cwd);
  const { localPort } = await held.event('open');
  const look = async () => {
    const record = connectionFrom(await server.counts(), localPort)!;
    return { record, atMs: performance.now(), cpu: cpuSecondsOf(held.pid) };
  };
  await sleep(SETTLE_MS);
  const before = await look();
  await sleep(MEASURE_MS);
  const after = await look();
  const memory = memoryMiBOf(held.pid);
  const exitCode = await held.stop();
  const sent = connectionFrom(await server.counts(), localPort)!;
  const recorded = held.of('segment').reduce((sum, { messages }) => sum + messages, 0);
  const seconds = (after.atMs - before.atMs) / 1_000;
  const bytes = after.record.bytes - before.record.bytes;
  return figuresOf(load, {
    messagesPerSecond: (after.record.messages - before.record.messages) / seconds,
    mbPerSecond: bytes / seconds / 1e6,
    cpuPercent: ((after.cpu - before.cpu) / seconds) * 100,
    peakMiB: memory.peak,
    // What was on its way when the connection was closed was never delivered.
    lost: Math.max(0, sent.messages - recorded - 1),
    dropped: held.of('dropped').reduce((sum, { messages }) => sum + messages, 0),
    exitCode,
  });
}

interface Measured {
  messagesPerSecond: number;
  mbPerSecond: number;
  cpuPercent: number;
  peakMiB: number;
  lost: number;
  dropped: number;
  exitCode: number | null;
}

function figuresOf({ name, mostCpuPercent, leastMbits }: Load, measured: Measured): Figure[] {
  const one = (what: string, value: number, unit: string, target?: Figure['target']) =>
    judged({
      part: 'rates',
      what: `${name}: ${what}`,
      value: rounded(value),
      unit,
      ...(target && { target }),
    });
  const megabits = measured.mbPerSecond * 8;
  const least = leastMbits && { atLeast: leastMbits };
  return [
    one('messages held', measured.messagesPerSecond, 'messages/s'),
    one('bytes held', measured.mbPerSecond, 'MB/s'),
    ...(least ? [one('stream held', megabits, 'Mbit/s', least)] : []),
    one('processor', measured.cpuPercent, '% of a core', { below: mostCpuPercent }),
    one('memory at most', measured.peakMiB, 'MiB', { below: MOST_HOLD_MIB }),
    one('messages sent and not recorded', measured.lost + measured.dropped, '', { atMost: 0 }),
  ];
}
