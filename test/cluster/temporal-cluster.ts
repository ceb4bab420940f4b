import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { anyFreePort } from '../../workers/stack/choose-port.ts';
import { runCommand } from '../../workers/stack/run-command.ts';
import { startServerProcess, type ServerProcess } from '../../workers/stack/server-process.ts';
import { compose, serviceProcess } from './service-process.ts';

const READY_LIMIT_MS = 120_000;
const STOP = [
  { signal: 'SIGTERM', waitMs: 30_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
] as const;

/** Temporal's own server on PostgreSQL, started with the configuration of docker-compose.yml. */
export class TemporalCluster {
  readonly address: string;
  readonly metricsUrl: string;
  private readonly folder: string;
  private readonly environment: Record<string, string>;
  private readonly httpPort: string;
  private process: ServerProcess | undefined;

  private constructor(folder: string, environment: Record<string, string>) {
    this.folder = folder;
    this.environment = environment;
    this.address = `127.0.0.1:${environment['FRONTEND_GRPC_PORT']}`;
    this.httpPort = environment['FRONTEND_HTTP_PORT']!;
    this.metricsUrl = `http://${environment['PROMETHEUS_ENDPOINT']}/metrics`;
  }

  static async at(folder: string, postgresPort: number): Promise<TemporalCluster> {
    return new TemporalCluster(folder, {
      ...(await portsHere()),
      SQL_HOST: '127.0.0.1',
      SQL_PORT: String(postgresPort),
      BIND_ON_IP: '127.0.0.1',
      TEMPORAL_BROADCAST_ADDRESS: '127.0.0.1',
    });
  }

  get pid(): number {
    return this.process!.pid;
  }

  /** Runs a one-shot service to its end; @returns seconds. */
  async runOnce(name: 'temporal-schema' | 'temporal-namespace'): Promise<number> {
    const sinceMs = performance.now();
    const { words, environment } = serviceProcess(name, { 'temporal:7233': this.address });
    const [command, ...args] = words;
    const result = await runCommand(command!, args, {
      timeoutMs: READY_LIMIT_MS,
      env: { ...environment, ...this.environment },
    });
    if (result.code !== 0) throw new Error(`${name}: ${result.stdout}${result.stderr}`);
    return (performance.now() - sinceMs) / 1_000;
  }

  /** @returns seconds until its health check is content */
  async start(): Promise<number> {
    const sinceMs = performance.now();
    const { environment } = serviceProcess('temporal', {});
    // What the image runs after it has looked up its address.
    this.process = await startServerProcess('temporal-server', ['start'], {
      env: { ...environment, ...this.environment },
      logFile: join(this.folder, 'temporal.log'),
    });
    await this.untilHealthy();
    return (performance.now() - sinceMs) / 1_000;
  }

  async kill(): Promise<void> {
    process.kill(this.pid, 'SIGKILL');
    await this.process!.exited;
  }

  async stop(): Promise<void> {
    await this.process?.stop(STOP);
  }

  private async untilHealthy(): Promise<void> {
    const asked = compose.services['temporal']!.healthcheck!.test.at(-1)!;
    const url = asked.replace('7243', this.httpPort);
    for (const since = Date.now(); Date.now() - since < READY_LIMIT_MS; await sleep(50)) {
      const answer = await fetch(url).catch(() => undefined);
      if (answer?.ok) return;
      if (!this.process!.isRunning()) throw new Error(await this.process!.lastWords());
    }
    throw new Error(`Temporal is not healthy: ${await this.process!.lastWords()}`);
  }
}

/** Free ones in place of those that each container has for itself. */
async function portsHere(): Promise<Record<string, string>> {
  const services = ['FRONTEND', 'HISTORY', 'MATCHING', 'WORKER'];
  const names = services.flatMap((name) => [`${name}_GRPC_PORT`, `${name}_MEMBERSHIP_PORT`]);
  const ports: Record<string, string> = {};
  for (const name of [...names, 'FRONTEND_HTTP_PORT']) ports[name] = String(await anyFreePort());
  return { ...ports, PROMETHEUS_ENDPOINT: `127.0.0.1:${await anyFreePort()}` };
}
