import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  readRecording,
  type Recorded,
  type RecordedMetadata,
} from '../activities/sensor/recording/read-recording.ts';
import { FairleadError } from '../domain/errors.ts';
import type { Names } from '../domain/names.ts';
import { formatDurationMs } from '../domain/time.ts';
import { startSimulator, type Simulator } from '../simulator/start-simulator.ts';
import type { TemporalClient } from '../workers/temporal-client.ts';
import { readStack } from '../workers/stack/stack-file.ts';
import { note } from './command.ts';
import { startSession, stopSession } from './sensor-sessions.ts';
import { renderTable } from './table.ts';

const SENSOR = 'pier-3';
/** Fault and recovery take a second or two; who waits longer than this has lost the demo. */
const PATIENCE_MS = 30_000;
const POLL_MS = 50;
/** At least, before its plug is pulled, and after. */
const MESSAGES = 10;

/** What one sensor session of the demo did, and whether its recording is whole. */
export interface SensorProof {
  sensor: string;
  connections: number;
  gaps: number;
  gapSeconds: number;
  /** By the simulator, on connections that were open. */
  messages: number;
  recorded: number;
  files: string[];
  verified: boolean;
}

/** A made-up sensor server, and the session that holds its stream while the ships migrate. */
export interface DemoSensor extends AsyncDisposable {
  /** Says where the sensor is; the workers read it. */
  configFile: string;
  start(temporal: TemporalClient, names: Names): Promise<void>;
  /** The server ends the connection without a word, once there was one; the session opens another. */
  pullThePlug(): Promise<void>;
  stop(temporal: TemporalClient, names: Names): Promise<void>;
  /** Stops the session, and compares what was sent with what is recorded. */
  prove(temporal: TemporalClient, names: Names): Promise<SensorProof>;
}

/** Its simulator lives in this process, so that nothing of it can be left. */
export async function openDemoSensor(home: string): Promise<DemoSensor> {
  const simulator = await startSimulator();
  await simulator.faults.set('silent');
  const configFile = join(home, 'demo.toml');
  const recordings = join(home, 'demo-recordings');
  await mkdir(home, { recursive: true });
  if (readStack(home) === undefined) await writeFile(configFile, configurationOf(simulator));
  let earlier = new Set<string>();
  let startedAtMs = 0;
  return {
    configFile,
    start: async (temporal, names) => {
      await endEarlier(temporal, names, simulator);
      earlier = new Set((await filesIn(recordings)).map(whenFinished));
      startedAtMs = Date.now();
      await simulator.faults.clear();
      await startSession(temporal, names, SENSOR);
    },
    pullThePlug: async () => {
      await untilMessagesFlow(simulator, startedAtMs, 1);
      await simulator.faults.set('close', { code: 1006 });
    },
    prove: async (temporal, names) => {
      await untilMessagesFlow(simulator, startedAtMs, 2);
      await simulator.faults.set('silent');
      await stopOrSay(temporal, names);
      await simulator.faults.clear();
      const files = (await filesIn(recordings)).filter((file) => !earlier.has(whenFinished(file)));
      return proofOf(simulator, files, startedAtMs);
    },
    stop: stopOrSay,
    [Symbol.asyncDispose]: () => simulator.stop(),
  };
}

const configurationOf = ({
  urls,
}: Simulator): string => `# Written by "fairlead demo", for its own sensor.
[[sensors]]
name = "${SENSOR}"
url = "${urls.output}"
rest = "${urls.rest}"
out = "demo-recordings"
keepBytes = "100MiB"
`;

/**
 * A demo that was killed leaves its session behind, which this demo's worker takes up: nothing is sent before it is
 * gone, so that all that is sent is this demo's.
 */
async function endEarlier(
  { client }: TemporalClient,
  names: Names,
  simulator: Simulator,
): Promise<void> {
  const earlier = client.workflow.getHandle(names.sensorSession(SENSOR));
  await earlier.terminate('the demo began anew').catch(() => undefined);
  await simulator.waitFor(({ output }) => output.now === 0, PATIENCE_MS);
}

/** The ships' summary is not lost for it: what was not stopped is not proven. */
async function stopOrSay(temporal: TemporalClient, names: Names): Promise<void> {
  try {
    await stopSession(temporal, names, SENSOR);
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    note(`${error.message}${error.hint ? ` → ${error.hint}` : ''}`);
  }
}

/** What a killed demo left is made whole by the next one's worker, under this name. */
const whenFinished = (file: string): string => file.replace(/\.part$/, '');

async function filesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  return names.map((name) => join(folder, name));
}

/** Until the n-th connection of all has had messages for a moment, or it is clear that it will not. */
async function untilMessagesFlow(
  simulator: Simulator,
  sinceMs: number,
  connections: number,
): Promise<void> {
  for (const since = Date.now(); Date.now() - since < PATIENCE_MS; await sleep(POLL_MS)) {
    const last = openedSince(simulator, sinceMs)[connections - 1];
    if (last && last.messages >= MESSAGES) return;
  }
}

const openedSince = (simulator: Simulator, sinceMs: number) =>
  simulator
    .counts()
    .output.connections.filter(
      ({ openedAtMs }) => openedAtMs !== undefined && openedAtMs >= sinceMs,
    );

/** The gap since a demo that was killed is one too, but none of this demo. */
async function proofOf(
  simulator: Simulator,
  files: string[],
  startedAtMs: number,
): Promise<SensorProof> {
  const connections = openedSince(simulator, startedAtMs).length;
  const gaps: number[] = [];
  let recorded = 0;
  for (const file of files)
    for await (const record of readRecording(file)) {
      if (record.type === 'message') recorded++;
      else if (isGap(record, startedAtMs)) gaps.push(Number(record.metadata['seconds']));
    }
  const messages = simulator.sent().length;
  const isWhole = messages > 0 && recorded === messages;
  return {
    sensor: SENSOR,
    connections,
    gaps: gaps.length,
    gapSeconds: gaps.reduce((sum, seconds) => sum + seconds, 0),
    messages,
    recorded,
    files,
    verified: isWhole && connections > 1 && gaps.length === connections - 1,
  };
}

const isGap = (record: Recorded, sinceMs: number): record is RecordedMetadata =>
  record.type === 'metadata' &&
  record.name === 'gap' &&
  Date.parse(record.metadata['from'] ?? '') >= sinceMs;

/** The sensor's line of the demo's summary. */
export function sensorProofTable(proof: SensorProof): string {
  const right = { align: 'right' } as const;
  const { sensor, connections, gaps, gapSeconds, messages, recorded, verified, files } = proof;
  const gapText = gaps === 0 ? 'none' : `${gaps} (${formatDurationMs(gapSeconds * 1_000)})`;
  return renderTable(
    [
      { title: 'sensor' },
      { title: 'connections', ...right },
      { title: 'gaps', ...right },
      { title: 'messages sent', ...right },
      { title: '= recorded', ...right },
      { title: 'recording' },
      { title: 'file' },
    ],
    [
      [
        sensor,
        connections,
        gapText,
        messages,
        recorded,
        verified ? 'whole' : 'not whole',
        files.map((file) => relative(process.cwd(), file)).join(', '),
      ],
    ],
  );
}
