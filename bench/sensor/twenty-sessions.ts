import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { anyFreePort } from '../../workers/stack/choose-port.ts';
import type { BenchPart, Surroundings } from './bench-part.ts';
import { RunningCommand, runCommand } from './command-line.ts';
import { judged, rounded, type Figure } from './figure.ts';
import { cpuSecondsOf, memoryMiBOf } from './process-usage.ts';
import { startServer, type SimulatedServer } from './simulated-server.ts';

const SESSIONS = 20;
const MOST_MIB = 400;
const START_MS = 240_000;
const CONNECT_MS = 60_000;
const MEASURE_MS = 60_000;

/** A sensor worker of `fairlead up` with twenty sessions, each recording. */
export const twentySessions: BenchPart = {
  name: 'sessions',
  isAlone: true,
  measure: async ({ folder, say }: Surroundings) => {
    await using server = await startServer(['--host', '0.0.0.0'], { cwd: folder });
    const home = await prepareHome(folder);
    const names = await writeConfiguration(folder, new URL(server.urls.output).port);
    say('starting the stack');
    const env = { FAIRLEAD_HOME: home };
    await using up = new RunningCommand(['up', '--json'], { cwd: folder, env });
    await up.waitFor('fairlead up', () => up.stdout[0], START_MS);
    const started = await runCommand(['sensor', 'start', ...names], { cwd: folder, env });
    if (started.exitCode !== 0) throw new Error(`sensor start: ${started.stderr}`);
    await connected(server);
    say(`${SESSIONS} sessions for ${MEASURE_MS / 1_000} s`);
    const pid = await workerPid(home);
    const before = { cpu: cpuSecondsOf(pid), atMs: performance.now() };
    await sleep(MEASURE_MS);
    const seconds = (performance.now() - before.atMs) / 1_000;
    return figuresOf(memoryMiBOf(pid), ((cpuSecondsOf(pid) - before.cpu) / seconds) * 100);
  },
};

/** Downloads are shared with every other stack of this checkout. */
async function prepareHome(folder: string): Promise<string> {
  // PostgreSQL, which does not run as root, keeps its files elsewhere when it may not enter.
  await chmod(folder, 0o755);
  const home = join(folder, '.fairlead');
  const cache = resolve(packageRoot, '.fairlead', 'cache');
  await mkdir(home, { recursive: true });
  await mkdir(cache, { recursive: true });
  await symlink(cache, join(home, 'cache'));
  return home;
}

/** Each sensor is the simulator under another address of this host: two sensors with one URL are refused. */
async function writeConfiguration(folder: string, port: string): Promise<string[]> {
  const ports = [await anyFreePort(), await anyFreePort(), await anyFreePort()];
  const names = Array.from({ length: SESSIONS }, (_, index) => `pier-${index + 1}`);
  const sensors = names.map(
    (name, index) => `[[sensors]]
name = "${name}"
url = "ws://127.0.0.${index + 1}:${port}"
out = "recordings"
`,
  );
  const stack = `[stack]
postgresPort = ${ports[0]}
temporalPort = ${ports[1]}
temporalUiPort = ${ports[2]}
`;
  await writeFile(join(folder, 'fairlead.toml'), [stack, ...sensors].join('\n'));
  return names;
}

async function connected(server: SimulatedServer): Promise<void> {
  for (const since = Date.now(); Date.now() - since < CONNECT_MS; await sleep(100)) {
    if ((await server.counts()).output.now === SESSIONS) return;
  }
  throw new Error(`fewer than ${SESSIONS} sessions connected within ${CONNECT_MS / 1_000} s`);
}

async function workerPid(home: string): Promise<number> {
  const text = await readFile(join(home, 'sensor-worker.pid'), 'utf8');
  return (JSON.parse(text) as { pid: number }).pid;
}

function figuresOf({ now, peak }: { now: number; peak: number }, cpuPercent: number): Figure[] {
  const one = (what: string, value: number, unit: string, target?: Figure['target']) =>
    judged({
      part: 'sessions',
      what: `sensor worker with ${SESSIONS} sessions: ${what}`,
      value: rounded(value),
      unit,
      ...(target && { target }),
    });
  return [
    one('memory at most', peak, 'MiB', { below: MOST_MIB }),
    one(`memory after ${MEASURE_MS / 1_000} s`, now, 'MiB', { below: MOST_MIB }),
    one('processor', cpuPercent, '% of a core'),
  ];
}
