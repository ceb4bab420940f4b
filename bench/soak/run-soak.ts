import { setTimeout as sleep } from 'node:timers/promises';
import type { Simulator } from '../../simulator/start-simulator.ts';
import type { PlannedBlow, PlannedFault, SoakPlan } from './fault-plan.ts';
import type { ProcessSample } from './judge-growth.ts';
import { sampleOf } from './processes.ts';
import type { SoakStack } from './soak-stack.ts';

const SAMPLE_EVERY_MS = 5_000;
const SOCKETS_EVERY_MS = 500;
const HAND_OVER_PATIENCE_MS = 60_000;

export interface Interval {
  name: string;
  fromMs: number;
  toMs: number;
}

/** A worker was killed while it held a connection. */
export interface HandOver {
  killedAtMs: number;
  /** Until the server saw the next connection open. */
  seconds: number;
  /** A fault was in force meanwhile: so it says nothing. */
  disturbed: boolean;
}

/** What was done and seen in the time of a soak. Instants are epoch milliseconds. */
export interface SoakLog {
  startedAtMs: number;
  faults: Interval[];
  blows: { atMs: number; blow: PlannedBlow['blow'] }[];
  handOvers: HandOver[];
  worker: ProcessSample[];
  witness: ProcessSample[];
  /** Most sockets that the server's kernel had at once for the output stream, of all looks. */
  mostServerSockets: number;
}

type Say = (line: string) => void;

export interface SoakRun {
  simulator: Simulator;
  stack: SoakStack;
  plan: SoakPlan;
  totalMs: number;
  signal: AbortSignal;
  say: Say;
}

export const nowMs = (): number => performance.timeOrigin + performance.now();

/** Carries out a plan: faults one after the other, blows at their own times, samples all the while. */
export async function runSoak(run: SoakRun): Promise<SoakLog> {
  const log: SoakLog = {
    startedAtMs: nowMs(),
    faults: [],
    blows: [],
    handOvers: [],
    worker: [],
    witness: [],
    mostServerSockets: 0,
  };
  const sockets = setInterval(() => lookAtSockets(run.simulator, log), SOCKETS_EVERY_MS);
  await Promise.all([runFaults(run, log), runBlows(run, log), runSamples(run, log)]);
  clearInterval(sockets);
  return log;
}

const untilMs = ({ signal }: SoakRun, log: SoakLog, atMs: number): Promise<void> =>
  rest(log.startedAtMs + atMs - nowMs(), signal);

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
}

async function runFaults(run: SoakRun, log: SoakLog): Promise<void> {
  for (const fault of run.plan.faults) {
    await untilMs(run, log, fault.atMs);
    if (run.signal.aborted) return;
    await runFault(run, log, fault);
  }
}

async function runFault({ simulator, signal, say }: SoakRun, log: SoakLog, fault: PlannedFault) {
  const { name, options, forMs, resetsFirst } = fault;
  const interval: Interval = { name, fromMs: nowMs(), toMs: Number.POSITIVE_INFINITY };
  log.faults.push(interval);
  say(`${name} ${JSON.stringify(options)} for ${forMs / 1_000} s`);
  await simulator.faults.set(name, options);
  if (resetsFirst) await simulator.faults.set('reset', {});
  await rest(forMs, signal);
  await simulator.faults.clear();
  interval.toMs = nowMs();
}

async function runBlows(run: SoakRun, log: SoakLog): Promise<void> {
  for (const { atMs, blow } of run.plan.blows) {
    await untilMs(run, log, atMs);
    if (run.signal.aborted) return;
    run.say(blow);
    if (blow === 'kill the worker') await killWorker(run, log);
    else {
      const signal = blow === 'restart Temporal' ? 'SIGTERM' : 'SIGKILL';
      log.blows.push({ atMs: (await run.stack.strike('temporal', signal)).atMs, blow });
    }
  }
}

async function killWorker({ simulator, stack, signal }: SoakRun, log: SoakLog): Promise<void> {
  const held = openConnections(simulator).at(-1)?.id ?? 0;
  const opened = simulator
    .waitFor(() => openConnections(simulator).some(({ id }) => id > held), HAND_OVER_PATIENCE_MS)
    .then(nowMs, nowMs);
  const { atMs } = await stack.strike('sensorWorker', 'SIGKILL');
  log.blows.push({ atMs, blow: 'kill the worker' });
  if (held === 0) return;
  const openedAtMs = await Promise.race([opened, rest(HAND_OVER_PATIENCE_MS, signal).then(nowMs)]);
  const disturbed = log.faults.some(({ fromMs, toMs }) => fromMs < openedAtMs && toMs > atMs);
  log.handOvers.push({ killedAtMs: atMs, seconds: (openedAtMs - atMs) / 1_000, disturbed });
}

export const openConnections = (simulator: Simulator) =>
  simulator
    .counts()
    .output.connections.filter(
      ({ openedAtMs, endedAtMs }) => openedAtMs !== undefined && endedAtMs === undefined,
    );

async function runSamples(run: SoakRun, log: SoakLog): Promise<void> {
  for (let atMs = 0; atMs < run.totalMs; atMs += SAMPLE_EVERY_MS) {
    await untilMs(run, log, atMs);
    if (run.signal.aborted) return;
    takeSample(log.worker, run.stack.workerPid());
    takeSample(log.witness, run.stack.witnessPid);
    if (atMs % 60_000 === 0) run.say(progressOf(run, log, atMs));
  }
  await untilMs(run, log, run.totalMs);
}

/** Of two looks: the kernel's list may show a socket twice while others come and go. */
function lookAtSockets(simulator: Simulator, log: SoakLog): void {
  const look = () => {
    const { tcp, now } = simulator.counts().output;
    return tcp ? liveSockets(tcp) : now;
  };
  const seen = look();
  if (seen > 1 && isExcused(log)) return;
  if (seen > log.mostServerSockets)
    log.mostServerSockets = Math.max(log.mostServerSockets, Math.min(seen, look()));
}

/** A server that reads nothing does not see that the process of its client was killed; the next comes from a fresh port. */
function isExcused({ faults, blows }: SoakLog): boolean {
  const fault = faults.at(-1);
  if (!fault || fault.name !== 'stall' || nowMs() > fault.toMs + 2_000) return false;
  return blows.some(({ blow, atMs }) => blow === 'kill the worker' && atMs >= fault.fromMs);
}

/** Of a server's port: neither its listener, nor what only waits for late packets. */
export function liveSockets(tcp: Record<string, number>): number {
  const { LISTEN: _listener, TIME_WAIT: _over, ...live } = tcp;
  return Object.values(live).reduce((sum, count) => sum + count, 0);
}

function takeSample(samples: ProcessSample[], pid: number | undefined): void {
  const sample = pid === undefined ? undefined : sampleOf(pid);
  if (pid !== undefined && sample) samples.push({ atMs: nowMs(), pid, ...sample });
}

function progressOf({ simulator }: SoakRun, log: SoakLog, atMs: number): string {
  const { now, ever } = simulator.counts().output;
  const worker = log.worker.at(-1);
  const held = worker
    ? `${worker.rssMiB.toFixed(0)} MiB, ${worker.descriptors} descriptors`
    : 'away';
  return `${atMs / 60_000} min: ${now} open of ${ever} connections ever, worker ${held}`;
}
