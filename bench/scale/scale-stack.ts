import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { loadConfiguration, type Configuration } from '../../workers/configuration.ts';
import { startLocalStack, type LocalStack } from '../../workers/stack/local-stack.ts';

const WORKER = join(packageRoot, 'dist', 'bench', 'scale', 'simulated-worker.js');

export interface ScaleOptions {
  ships: readonly string[];
  shipsAtOnce: number;
  workers: number;
  chunkSlots: number;
  sleepMs: number;
}

/** The embedded servers in a folder of their own, with workers whose chunks only sleep. */
export interface ScaleStack extends AsyncDisposable {
  folder: string;
  configuration: Configuration;
  local: LocalStack;
  client: Client;
  startWorkers(): void;
  workerPids(): number[];
}

export async function startScaleStack(
  options: ScaleOptions,
  report: (line: string) => void,
): Promise<ScaleStack> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-scale-'));
  // PostgreSQL, which does not run as root, keeps its files elsewhere when it may not enter.
  await chmod(folder, 0o755);
  const home = join(folder, '.fairlead');
  const cache = resolve(packageRoot, '.fairlead', 'cache');
  await mkdir(cache, { recursive: true });
  await mkdir(home);
  await symlink(cache, join(home, 'cache'));
  await writeFile(join(folder, 'fairlead.toml'), configurationOf(options));
  const local = await startLocalStack({ home, report });
  const connection = await Connection.connect({ address: local.temporalAddress });
  const workers: ChildProcess[] = [];
  return {
    folder,
    local,
    configuration: loadConfiguration({ folder, environment: {} }),
    client: new Client({ connection, namespace: local.namespace }),
    startWorkers: () => {
      for (let number = 1; number <= options.workers; number++)
        workers.push(startWorker(folder, number, options.sleepMs));
    },
    workerPids: () => workers.flatMap(({ pid }) => pid ?? []),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(workers.map(endWorker));
      await connection.close();
      await local.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function configurationOf({ ships, shipsAtOnce, chunkSlots }: ScaleOptions): string {
  return `[fleet]
ships = ${JSON.stringify(ships)}
shipsAtOnce = ${shipsAtOnce}

[worker]
chunkSlots = ${chunkSlots}
`;
}

function startWorker(folder: string, number: number, sleepMs: number): ChildProcess {
  const child = spawn(process.execPath, [WORKER, String(sleepMs)], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.pipe(createWriteStream(join(folder, `worker-${number}.log`)));
  return child;
}

async function endWorker(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null) return;
  const closed = once(worker, 'close');
  worker.kill('SIGTERM');
  await closed;
}
