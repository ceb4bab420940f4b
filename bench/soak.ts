import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Counts, Simulator } from '../simulator/start-simulator.ts';
import { planSoak } from './soak/fault-plan.ts';
import { readSegments } from './soak/read-segments.ts';
import { liveSockets, openConnections, runSoak } from './soak/run-soak.ts';
import { startNotedSimulator } from './soak/sent-frames.ts';
import { SENSOR, startSoakStack, type SoakStack } from './soak/soak-stack.ts';
import { reportSoak, tableOf, type SoakEvidence } from './soak/soak-report.ts';

/*
 * Holds one sensor for an hour under what can happen to it: faults of the sensor server every minute, the worker
 * killed and Temporal restarted every ten; then judges what the recording holds, frame by frame, against what the
 * server sent, and what the worker held in memory and descriptors.
 */

const HELP = `npm run soak [-- --minutes 60] [--fault-every 60] [--blow-every 600] [--seed N] [--keep] [--json]

  --minutes      how long; the last 75 s are without faults
  --fault-every  seconds from one fault of the server to the next
  --blow-every   seconds in which the worker is killed once, and Temporal restarted once
  --keep         keeps the folder also when all is well
  --json         one JSON document on stdout

Exit code 0: every promise was kept; 4: not.
`;

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    'fault-every': { type: 'string', default: '60' },
    'blow-every': { type: 'string', default: '600' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const startedAt = Date.now();
const say = (line: string) =>
  process.stderr.write(
    `soak ${((Date.now() - startedAt) / 1_000).toFixed(0).padStart(5)} s: ${line}\n`,
  );

if (options.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const minutes = Number(options.minutes);
  const totalMs = minutes * 60_000;
  const seed = Number(options.seed);
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort());
  const { simulator, sent } = await startNotedSimulator();
  await using _server = simulator;
  say(`seed ${seed}; starting the stack`);
  const stack = await startSoakStack(simulator, totalMs > 1_200_000 ? '7m' : '1m');
  let evidence: SoakEvidence;
  try {
    say(`in ${stack.folder}`);
    await begin(simulator, stack);
    const plan = planSoak({
      totalMs,
      faultEveryMs: Number(options['fault-every']) * 1_000,
      blowEveryMs: Number(options['blow-every']) * 1_000,
      seed,
    });
    const log = await runSoak({ simulator, stack, plan, totalMs, signal: stopping.signal, say });
    evidence = await finish(simulator, stack, { seed, minutes, log, sent });
  } catch (error) {
    await stack.stop();
    throw error;
  }
  const report = reportSoak(evidence);
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${tableOf(report)}\n`);
  process.exitCode = report.verdict === 'passed' ? 0 : 4;
  if (report.verdict === 'passed' && !options.keep) await rm(stack.folder, { recursive: true });
  else say(`everything is kept in ${stack.folder}`);
}

async function begin(simulator: Simulator, stack: SoakStack): Promise<void> {
  const started = await stack.command('sensor', 'start', SENSOR);
  if (started.exitCode !== 0) throw new Error(`sensor start: ${started.stderr}`);
  const connected = ({ output, points }: Counts) => output.now === 1 && points.now === 1;
  const ended = stack.witnessEnded.then((exitCode) => {
    throw new Error(`sensor hold ended with ${exitCode}: see ${stack.folder}/hold.log`);
  });
  await Promise.race([simulator.waitFor(connected, 60_000), ended]);
  say('the session and its witness are connected');
}

/** Waits for the last connection to live for a while, then ends all as a user would. */
async function finish(
  simulator: Simulator,
  stack: SoakStack,
  known: Pick<SoakEvidence, 'seed' | 'minutes' | 'log' | 'sent'>,
): Promise<SoakEvidence> {
  await simulator.faults.clear();
  await simulator.waitFor(() => openConnections(simulator).length === 1, 90_000).catch(() => {});
  await sleep(5_000);
  const ending = await endingOf(simulator);
  const commands: SoakEvidence['commands'] = [];
  const type = async (...words: string[]) => {
    const outcome = await stack.command(...words);
    commands.push({ name: words.slice(0, 3).join(' '), ...outcome });
    return outcome;
  };
  say((await type('sensor', 'status', '--json')).stdout.trim());
  await type('sensor', 'stop', SENSOR);
  const end = await stack.stop();
  const segments = {
    session: await readSegments(stack.recordings),
    witness: await readSegments(stack.witnessRecordings),
  };
  const files = segments.session.files.map((file) => join(stack.recordings, file));
  await type('recording', 'info', ...files, '--json');
  const counts = simulator.counts();
  return { ...known, ending, counts, segments, commands, ends: await endsIn(stack.folder), end };
}

/** The kernel's list may miss a socket while others come and go: so it is read until it agrees with the server. */
async function endingOf(simulator: Simulator): Promise<Counts['output']> {
  for (let looks = 1; ; looks++) {
    const { output } = simulator.counts();
    const { tcp } = output;
    if (looks === 20 || !tcp || liveSockets(tcp) === output.now) return { ...output, tcp };
    await sleep(100);
  }
}

/** From the stack's own words: `the sensor worker ended with signal SIGKILL: …`. */
async function endsIn(folder: string): Promise<Record<string, number>> {
  const ends: Record<string, number> = {};
  const text = await readFile(join(folder, 'up.log'), 'utf8');
  for (const [, name = ''] of text.matchAll(/^fairlead: (.+?) ended with /gm))
    ends[name] = (ends[name] ?? 0) + 1;
  return ends;
}
