import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageTypes } from '../../activities/sensor/protocol/sensr-messages.ts';
import { readRecording } from '../../activities/sensor/recording/read-recording.ts';
import type { SensorStream } from '../../domain/sensor.ts';
import type { SentMessage } from '../../simulator/stream/sent-log.ts';
import type { BenchPart, Surroundings } from './bench-part.ts';
import { judged, rounded, type Figure } from './figure.ts';
import { HeldStream } from './held-stream.ts';
import { connectionFrom, startServer, type SimulatedServer } from './simulated-server.ts';

const KILLS = 20;
const AT_ONCE = 4;
/** What was sent later than this before the kill may be lost. */
const GRACE_MS = 250;
const CHUNK_MIB = 4;

/** What SIGKILL costs: each victim is killed at another moment, and its unfinished file is read as it was left. */
export const kills: BenchPart = {
  name: 'kills',
  isAlone: true,
  measure: async (around) => [
    ...(await killAll('output', ['--objects', '100', '--hertz', '20'], around)),
    ...(await killAll('points', ['--points', '30000', '--hertz', '10'], around)),
  ],
};

interface Victim {
  /** Sent on the connection, and not in the file. */
  missing: SentMessage[];
  killedAtMs: number;
  recorded: number;
}

async function killAll(
  stream: SensorStream,
  words: readonly string[],
  around: Surroundings,
): Promise<Figure[]> {
  around.say(`${KILLS} times SIGKILL on ${stream}`);
  await using server = await startServer(words, { cwd: around.folder });
  const victims: Victim[] = [];
  for (let first = 0; first < KILLS; first += AT_ONCE) {
    const batch = Array.from({ length: AT_ONCE }, (_, index) =>
      killOne(server, stream, join(around.folder, `${stream}-${first + index}`), around),
    );
    victims.push(...(await Promise.all(batch)));
  }
  return figuresOf(stream, victims);
}

async function killOne(
  server: SimulatedServer,
  stream: SensorStream,
  out: string,
  { folder }: Surroundings,
): Promise<Victim> {
  const words = ['--stream', stream, '--out', out];
  await using held = new HeldStream(server.urls[stream], words, { cwd: folder });
  const { localPort } = await held.event('open');
  await sleep(2_000 + Math.random() * 2_000);
  const killedAtMs = performance.timeOrigin + performance.now();
  held.signal('SIGKILL');
  await held.ended;
  const { id } = connectionFrom(await server.counts(), localPort)!;
  const sent = await server.sent(stream, id);
  const recorded = await recordedNumbers(out, stream);
  const missing = sent.filter(({ sequence }) => !recorded.has(sequence % 1_000_000));
  return { missing, killedAtMs, recorded: recorded.size };
}

/** The simulator's numbers of the messages in the folder's files. */
async function recordedNumbers(folder: string, stream: SensorStream): Promise<Set<number>> {
  const numbers = new Set<number>();
  for (const file of await readdir(folder)) {
    for await (const record of readRecording(join(folder, file))) {
      if (record.type === 'message') numbers.add(numberOf(stream, record.bytes));
    }
  }
  return numbers;
}

function numberOf(stream: SensorStream, bytes: Uint8Array): number {
  const message = messageTypes[stream].decode(bytes) as unknown as {
    timestamp?: { nanos: number };
    uid?: string;
  };
  return stream === 'output' ? message.timestamp!.nanos % 1_000_000 : Number(message.uid);
}

function figuresOf(stream: SensorStream, victims: readonly Victim[]): Figure[] {
  const late = victims.map(({ missing, killedAtMs }) =>
    missing.filter(({ atMs }) => atMs < killedAtMs - GRACE_MS),
  );
  const recorded = victims.reduce((sum, victim) => sum + victim.recorded, 0);
  const one = (what: string, values: number[], unit: string, target: Figure['target']) =>
    judged({
      part: 'kills',
      what,
      value: rounded(stream === 'output' ? sum(values) : Math.max(...values)),
      values,
      unit,
      target: target!,
      remark: `${KILLS} kills, ${recorded} messages recorded`,
    });
  if (stream === 'output') {
    const lost = late.map(({ length }) => length);
    const what = `messages lost on SIGKILL, sent more than ${GRACE_MS} ms before`;
    return [one(what, lost, '', { atMost: 0 })];
  }
  const mib = late.map((messages) => rounded(sum(messages.map(({ bytes }) => bytes)) / 1_048_576));
  const what = `most of a cloud stream lost on SIGKILL, sent more than ${GRACE_MS} ms before`;
  return [one(what, mib, 'MiB', { atMost: CHUNK_MIB })];
}

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);
