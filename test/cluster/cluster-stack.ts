import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { anyFreePort } from '../../workers/stack/choose-port.ts';
import { runCommand } from '../../workers/stack/run-command.ts';
import { startServerProcess, type ServerProcess } from '../../workers/stack/server-process.ts';
import { readText } from '../deploy/compose-file.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { compose, serviceProcess } from './service-process.ts';
import { startDatabases, type Databases } from './start-databases.ts';
import { TemporalCluster } from './temporal-cluster.ts';

export interface Outcome {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface ClusterWorker {
  pid: number;
  /** Seconds until its health check was content. */
  startSeconds: number;
  log: () => Promise<string>;
  /** SIGTERM; @returns its exit code, and the seconds that it took. */
  drain: () => Promise<{ code: number | null; seconds: number }>;
}

export interface ClusterStack extends AsyncDisposable {
  databases: Databases;
  temporal: TemporalCluster;
  /** `docker compose run --rm fairlead …` */
  command: (...words: string[]) => { child: ChildProcess; outcome: Promise<Outcome> };
  startWorker: (service: 'migration-worker' | 'sensor-worker') => Promise<ClusterWorker>;
}

const HEALTHY_LIMIT_MS = 60_000;

/** The services of docker-compose.yml as processes, except those that only watch. */
export async function clusterStack(
  changeConfiguration: (text: string) => string,
): Promise<ClusterStack> {
  const folder = await temporaryFolder();
  const file = join(folder.path, 'fairlead.toml');
  await writeFile(file, changeConfiguration(readText('deploy/compose/fairlead.toml')));
  const databases = await startDatabases(folder.path);
  const temporal = await TemporalCluster.at(folder.path, databases.server.port);
  const workers: ServerProcess[] = [];
  const places = {
    'temporal:7233': temporal.address,
    'postgres:5432': `127.0.0.1:${databases.server.port}`,
  };
  return {
    databases,
    temporal,
    command: (...words) => startCommand(folder.path, words, places),
    startWorker: (service) => startWorker(service, folder.path, places, workers),
    [Symbol.asyncDispose]: async () => {
      const steps = [{ signal: 'SIGTERM', waitMs: 40_000 }] as const;
      await Promise.all(workers.map((worker) => worker.stop(steps)));
      await temporal.stop();
      await databases.server.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

type Places = Readonly<Record<string, string>>;

function startCommand(cwd: string, words: readonly string[], places: Places) {
  const { words: first, environment } = serviceProcess('fairlead', places);
  const [program, ...before] = first;
  const child = spawn(program!, [...before, ...words], {
    cwd,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const outcome = once(child, 'close').then(([exitCode]): Outcome => {
    return { exitCode: exitCode as number | null, stdout, stderr };
  });
  return { child, outcome };
}

async function startWorker(
  service: 'migration-worker' | 'sensor-worker',
  cwd: string,
  places: Places,
  workers: ServerProcess[],
): Promise<ClusterWorker> {
  const sinceMs = performance.now();
  const { words, environment } = serviceProcess(service, places);
  const [program, ...args] = words;
  // Here many share one machine, and none is reached from another.
  const env = {
    ...environment,
    FAIRLEAD_METRICS_ADDRESS: '127.0.0.1',
    FAIRLEAD_METRICS_PORT: String(await anyFreePort()),
  };
  const logFile = join(cwd, `worker-${workers.length + 1}.log`);
  const worker = await startServerProcess(program!, args, { cwd, env, logFile });
  workers.push(worker);
  await untilHealthy(service, env, worker);
  return {
    pid: worker.pid,
    startSeconds: (performance.now() - sinceMs) / 1_000,
    log: () => readFile(logFile, 'utf8'),
    drain: () => drain(worker),
  };
}

async function drain({ pid, exited }: ServerProcess) {
  const sinceMs = performance.now();
  process.kill(pid, 'SIGTERM');
  const { code } = await exited;
  return { code, seconds: (performance.now() - sinceMs) / 1_000 };
}

/** Runs the health check that docker-compose.yml has for it. */
async function untilHealthy(
  service: string,
  env: Record<string, string>,
  worker: ServerProcess,
): Promise<void> {
  const [, program, path] = compose.services[service]!.healthcheck!.test;
  const script = path!.replace('/fairlead/', join('deploy', 'compose', '/'));
  for (const since = Date.now(); Date.now() - since < HEALTHY_LIMIT_MS; await sleep(100)) {
    const { code } = await runCommand(program!, [script], { timeoutMs: 10_000, env });
    if (code === 0) return;
    if (!worker.isRunning()) throw new Error(await worker.lastWords());
  }
  throw new Error(`${service} is not healthy: ${await worker.lastWords()}`);
}
