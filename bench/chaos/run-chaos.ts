import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, sampleOf } from '../soak/processes.ts';
import { ask } from './ask.ts';
import type { PlannedFault } from './chaos-plan.ts';
import type { ChaosStack } from './chaos-stack.ts';
import { commit, type World } from './faults.ts';

export interface DoneFault {
  kind: PlannedFault['kind'];
  fromMs: number;
  /** When it was in force no more: healed, freed, or what was killed runs again. */
  toMs: number;
  /** False when it met nothing: no backend at work, say. */
  met: boolean;
}

export interface ChaosLog {
  startedAtMs: number;
  /** From here on no new migration began. */
  stoppedAtMs: number;
  endedAtMs: number;
  faults: DoneFault[];
  /** The most that a worker held. */
  mostRssMiB: number;
  workerLives: number;
  /** Why the migrations did not come to their end. */
  unfinished: string | undefined;
}

export interface RunOptions extends World {
  plan: readonly PlannedFault[];
  totalMs: number;
  /** What the migrations may take to come to their end when faults are over. */
  finishWithinMs: number;
  signal: AbortSignal;
  say: (line: string) => void;
}

const SAMPLE_EVERY_MS = 500;

/** Lets the fleet migrate, from the first commit on under the faults of the plan, and then to its end without any. */
export async function runChaos(options: RunOptions): Promise<ChaosLog> {
  const { fleet, stack, plan, totalMs, finishWithinMs, signal, say } = options;
  const stop = new AbortController();
  const ended = new AbortController();
  const log: ChaosLog = {
    startedAtMs: 0,
    stoppedAtMs: 0,
    endedAtMs: 0,
    faults: [],
    mostRssMiB: 0,
    workerLives: 0,
    unfinished: undefined,
  };
  const watching = watchMemory(options, log, ended.signal);
  const migrating = fleet.migrateUntil(stop.signal).catch((error: unknown) => {
    log.unfinished = (error as Error).message;
  });
  await untilFirstCommit(stack);
  log.startedAtMs = Date.now();
  say(`${fleet.ships.length} ships migrate; ${plan.length} faults are planned`);
  const timeIsUp = afterMs(totalMs, signal);
  const deeds: Promise<void>[] = [];
  for (const fault of plan) {
    await sleep(log.startedAtMs + fault.atMs - Date.now(), undefined, { signal: timeIsUp }).catch(
      () => undefined,
    );
    if (timeIsUp.aborted) break;
    deeds.push(doFault(options, fault, log));
  }
  if (!timeIsUp.aborted)
    await new Promise((resolve) => timeIsUp.addEventListener('abort', resolve, { once: true }));
  stop.abort();
  await Promise.all(deeds);
  log.stoppedAtMs = Date.now();
  say('no more faults; what was begun is finished');
  fleet.giveUpIn(finishWithinMs);
  const late = sleep(finishWithinMs + 60_000, 'late' as const, { ref: false });
  if ((await Promise.race([migrating, late])) === 'late') log.unfinished ??= 'a migration hangs';
  for (const { paths } of stack.workers) for (const path of Object.values(paths)) path.mend();
  log.endedAtMs = Date.now();
  ended.abort();
  await watching;
  return log;
}

/** Not by `AbortSignal.any` of `AbortSignal.timeout`, which Node 20 may collect before its time. */
function afterMs(ms: number, signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), ms);
  signal.addEventListener('abort', () => controller.abort());
  return controller.signal;
}

async function untilFirstCommit({ url, workers }: ChaosStack): Promise<void> {
  for (const since = Date.now(); Date.now() - since < 120_000; await sleep(100)) {
    if ((await ask(url, 'select from chaos.change where is_proof limit 1')).length > 0) return;
    const ends = workers.flatMap((worker) => worker.process.endedByItself);
    if (ends.length > 0) throw new Error(`${ends[0]}: see its worker.log`);
  }
  throw new Error('no chunk was committed in the first two minutes');
}

async function doFault(
  { stack, fleet, say }: RunOptions,
  fault: PlannedFault,
  log: ChaosLog,
): Promise<void> {
  const fromMs = Date.now();
  let met = false;
  let problem = '';
  try {
    met = await commit({ stack, fleet }, fault);
  } catch (error) {
    problem = `: ${(error as Error).message}`;
  }
  const done = { kind: fault.kind, fromMs, toMs: Date.now(), met };
  log.faults.push(done);
  const seconds = ((done.toMs - fromMs) / 1_000).toFixed(1);
  say(`${fault.kind}, ${seconds} s${met ? '' : ', met nothing'}${problem}`);
  const line = { ...done, at: new Date(fromMs).toISOString(), choice: fault.choice };
  appendFileSync(join(stack.folder, 'faults.jsonl'), `${JSON.stringify(line)}\n`);
}

async function watchMemory(
  { stack }: RunOptions,
  log: ChaosLog,
  signal: AbortSignal,
): Promise<void> {
  const pids = new Set<number>();
  while (!signal.aborted) {
    for (const { process } of stack.workers) {
      if (process.pid === undefined || !isAlive(process.pid)) continue;
      pids.add(process.pid);
      log.mostRssMiB = Math.max(log.mostRssMiB, sampleOf(process.pid)?.rssMiB ?? 0);
    }
    log.workerLives = pids.size;
    await sleep(SAMPLE_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}
