import Table from 'cli-table3';
import type { SensorStream } from '../../domain/sensor.ts';
import type { Counts } from '../../simulator/start-simulator.ts';
import { faultsOfGrowth, growthOf, type Growth } from './judge-growth.ts';
import {
  faultsOfRecording,
  judgeRecording,
  type RecordingVerdict,
  type SentFrame,
} from './judge-recording.ts';
import type { Segments } from './read-segments.ts';
import { liveSockets, type SoakLog } from './run-soak.ts';
import type { SoakEnd } from './soak-stack.ts';

/** All that a soak leaves for its judgement. */
export interface SoakEvidence {
  seed: number;
  minutes: number;
  log: SoakLog;
  sent: Record<SensorStream, readonly SentFrame[]>;
  /** At the end, with faults cleared and the session still running. */
  ending: Counts['output'];
  /** After everything was stopped. */
  counts: Counts;
  segments: { session: Segments; witness: Segments };
  /** Of the commands that a user would type in the end. */
  commands: { name: string; exitCode: number | null; stderr: string }[];
  /** How often the stack says that a part of it ended, by its name. */
  ends: Record<string, number>;
  end: SoakEnd;
}

const HAND_OVER_SECONDS = 15;

export interface SoakReport {
  verdict: 'passed' | 'failed';
  faults: string[];
  seed: number;
  minutes: number;
  server: {
    socketsAtEnd: number;
    heldAtEnd: number;
    mostSockets: number;
    connectionsEver: number;
    tcpAtEnd: object;
  };
  blows: Record<string, number>;
  injected: Record<string, number>;
  handOver: { kills: number; judged: number; longestSeconds: number };
  session: RecordingSummary;
  witness: RecordingSummary;
  growth: { worker: Growth[]; witness: Growth[] };
  metadata: { session: Segments['metadata']; witness: Segments['metadata'] };
}

type RecordingSummary = Omit<
  RecordingVerdict,
  'lost' | 'doubled' | 'foreign' | 'disordered' | 'unrecordedHoles' | 'idleGaps'
> & { files: number; bytes: number };

/** Judges a soak by the promises of the product. */
export function reportSoak(evidence: SoakEvidence): SoakReport {
  const { log, seed, minutes, ending, counts, segments } = evidence;
  const session = judgeStream(evidence, 'output', segments.session);
  const witness = judgeStream(evidence, 'points', segments.witness);
  const growth = { worker: growthOf(log.worker), witness: growthOf(log.witness) };
  const handOver = handOverOf(log);
  const faults = [
    ...faultsOfServer(ending, log),
    ...faultsOfRecording(session).map((fault) => `session: ${fault}`),
    ...faultsOfSegments('session', segments.session),
    ...faultsOfRecording(witness).map((fault) => `witness: ${fault}`),
    ...faultsOfSegments('witness', segments.witness),
    ...faultsOfGrowth('the sensor worker', growth.worker),
    ...faultsOfGrowth('the witness', growth.witness),
    ...faultsOfHandOver(handOver),
    ...faultsOfProcesses(evidence),
  ];
  return {
    verdict: faults.length === 0 ? 'passed' : 'failed',
    faults,
    seed,
    minutes,
    server: {
      socketsAtEnd: ending.tcp ? liveSockets(ending.tcp) : ending.now,
      mostSockets: log.mostServerSockets,
      connectionsEver: counts.output.ever,
      heldAtEnd: ending.now,
      tcpAtEnd: ending.tcp ?? {},
    },
    blows: countsOf(log.blows.map(({ blow }) => blow)),
    injected: countsOf(log.faults.map(({ name }) => name)),
    handOver,
    session: summaryOf(session, segments.session),
    witness: summaryOf(witness, segments.witness),
    growth,
    metadata: { session: segments.session.metadata, witness: segments.witness.metadata },
  };
}

function judgeStream(
  { sent, counts, log }: SoakEvidence,
  stream: SensorStream,
  { recorded, gaps }: Segments,
): RecordingVerdict {
  const kills = stream === 'output' ? log.blows : [];
  return judgeRecording({
    sent: sent[stream],
    connections: counts[stream].connections.map(
      ({ id, openedAtMs = 0, endedAtMs = Number.POSITIVE_INFINITY }) => ({
        id,
        openedAtMs,
        endedAtMs,
      }),
    ),
    killsAtMs: kills.flatMap(({ blow, atMs }) => (blow === 'kill the worker' ? [atMs] : [])),
    recorded,
    gaps,
  });
}

/** Sockets are those of the kernel: a server that reads nothing does not see for a time that one is gone. */
function faultsOfServer({ tcp, now }: Counts['output'], { mostServerSockets }: SoakLog): string[] {
  const atEnd = tcp ? liveSockets(tcp) : now;
  return [
    ...(atEnd === 1 ? [] : [`the server has ${atEnd} sockets at the end, expected 1`]),
    ...(mostServerSockets === 1 ? [] : [`the server had ${mostServerSockets} sockets at once`]),
  ];
}

const faultsOfSegments = (name: string, { damage, others }: Segments): string[] => [
  ...damage.map((text) => `${name}: ${text}`),
  ...others.map((file) => `${name}: ${file} is left`),
];

function handOverOf({ handOvers }: SoakLog): SoakReport['handOver'] {
  const judged = handOvers.filter(({ disturbed }) => !disturbed);
  return {
    kills: handOvers.length,
    judged: judged.length,
    longestSeconds: Math.max(0, ...judged.map(({ seconds }) => seconds)),
  };
}

const faultsOfHandOver = ({ longestSeconds }: SoakReport['handOver']): string[] =>
  longestSeconds > HAND_OVER_SECONDS
    ? [`a hand-over took ${longestSeconds.toFixed(1)} s, expected ${HAND_OVER_SECONDS} at most`]
    : [];

function faultsOfProcesses({ commands, ends, log, end }: SoakEvidence): string[] {
  const kills = log.blows.filter(({ blow }) => blow === 'kill the worker').length;
  const wanted: Record<string, number> = {
    'the sensor worker': kills,
    Temporal: log.blows.length - kills,
  };
  return [
    ...commands
      .filter(({ exitCode }) => exitCode !== 0)
      .map(({ name, exitCode, stderr }) => `${name} ended with ${exitCode}: ${stderr.trim()}`),
    ...Object.entries(ends)
      .filter(([name, times]) => times !== (wanted[name] ?? 0))
      .map(([name, times]) => `${name} ended ${times} times, expected ${wanted[name] ?? 0}`),
    ...(end.upExitCode === 0 ? [] : [`fairlead up ended with ${end.upExitCode}`]),
    ...(end.witnessExitCode === 0 ? [] : [`sensor hold ended with ${end.witnessExitCode}`]),
    ...end.left.map((pid) => `process ${pid} of the stack is left`),
  ];
}

function summaryOf(verdict: RecordingVerdict, { files, bytes }: Segments): RecordingSummary {
  const { sent, recorded, inFlight, longestInFlightMs, holes } = verdict;
  return { sent, recorded, inFlight, longestInFlightMs, holes, files: files.length, bytes };
}

function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** For people. */
export function tableOf(report: SoakReport): string {
  const { server, handOver, session, witness, growth, blows, injected, faults, verdict } = report;
  const table = new Table({ head: ['what', 'seen'], style: { head: [], border: [] } });
  const list = (counts: Record<string, number>) =>
    Object.entries(counts)
      .map(([name, count]) => `${count} × ${name}`)
      .join(', ');
  table.push(
    ['minutes, seed', `${report.minutes}, ${report.seed}`],
    ['faults of the server', list(injected)],
    ['blows', list(blows)],
    ['server sockets: at the end, at most', `${server.socketsAtEnd}, ${server.mostSockets}`],
    ['connections', `${server.connectionsEver}`],
    ['hand-over', `${handOver.longestSeconds.toFixed(1)} s at most, of ${handOver.judged} judged`],
    ['session', recordingText(session)],
    ['witness', recordingText(witness)],
    ...growth.worker.filter(({ judged }) => judged).map((life) => ['worker', growthText(life)]),
    ...growth.witness.map((life) => ['witness', growthText(life)]),
    ['verdict', verdict],
  );
  return [table.toString(), ...faults.map((fault) => `  ${fault}`)].join('\n');
}

const recordingText = (one: RecordingSummary): string =>
  `${one.sent} sent, ${one.recorded} recorded in ${one.files} files; ${one.inFlight} in flight at an end (${one.longestInFlightMs.toFixed(0)} ms at most); ${one.holes} gaps`;

const growthText = ({ seconds, rssMiB, descriptors }: Growth): string =>
  `${Math.round(seconds)} s: ${rssMiB.first.toFixed(0)} → ${rssMiB.last.toFixed(0)} MiB (${rssMiB.most.toFixed(0)} at most), ${descriptors.first} → ${descriptors.last} descriptors (${descriptors.most} at most)`;
