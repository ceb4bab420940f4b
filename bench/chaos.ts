import { rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { planChaos, type FaultKind } from './chaos/chaos-plan.ts';
import { reportChaos, tableOf, type ChaosReport } from './chaos/chaos-report.ts';
import { startChaosStack, type ChaosStack } from './chaos/chaos-stack.ts';
import { prepareDatabases } from './chaos/databases.ts';
import { Fleet } from './chaos/fleet.ts';
import { gatherEvidence } from './chaos/gather-evidence.ts';
import { runChaos } from './chaos/run-chaos.ts';

/*
 * A fleet migrates while everything that it needs is killed, stopped, cut, locked and filled, at moments that a seed
 * decides. Then the databases alone are asked what became of each cell.
 */

const HELP = `npm run chaos [-- --minutes 10] [--seed N] [--every 4] [--ships 4] [--real-timers] [--keep] [--json]

  --minutes        how long faults happen; then what was begun is finished
  --seed           the same seed plans the same faults
  --every          seconds from one fault to the next, on the average
  --ships          how many ships migrate at a time
  --channels       about so many channels a ship has
  --real-timers    heartbeat timeout, retries and waits as in real life, and faults ten times as long; else a tenth
  --keep           keeps the folder also when all is well
  --json           one JSON document on stdout

Exit code 0: every promise was kept; 4: not.
`;

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    every: { type: 'string' },
    ships: { type: 'string', default: '4' },
    channels: { type: 'string', default: '210' },
    'real-timers': { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const ALL_CHANNELS = 1_052;
const DISK_MEGABYTES = 1_500;
const DELAY_MS = 10;
const LEG_HOURS = 2;
const MOST_LEGS = 16;

const startedAt = Date.now();
const say = (line: string) =>
  process.stderr.write(
    `chaos ${((Date.now() - startedAt) / 1_000).toFixed(0).padStart(4)} s: ${line}\n`,
  );

if (options.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort());
  const timers = options['real-timers'] ? ('real' as const) : ('tenth' as const);
  say(`seed ${options.seed}; starting the stack`);
  const stack = await startChaosStack({
    everyChannel: Math.max(1, Math.round(ALL_CHANNELS / Number(options.channels))),
    delayMs: DELAY_MS,
    diskMegabytes: DISK_MEGABYTES,
    timers,
  });
  let report: ChaosReport;
  try {
    say(`in ${stack.folder}`);
    report = await run(stack, timers, stopping.signal);
  } finally {
    await stack.stop();
  }
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${tableOf(report)}\n`);
  process.exitCode = report.verdict === 'passed' ? 0 : 4;
  if (report.verdict === 'passed' && !options.keep) await rm(stack.folder, { recursive: true });
  else say(`everything is kept in ${stack.folder}`);
  // A command that hangs would hold up the end.
  process.exit();
}

async function run(
  stack: ChaosStack,
  timers: 'tenth' | 'real',
  signal: AbortSignal,
): Promise<ChaosReport> {
  const [minutes, seed] = [Number(options.minutes), Number(options.seed)];
  const scale = timers === 'real' ? 10 : 1;
  const totalMs = minutes * 60_000;
  const fleet = new Fleet(stack, {
    ships: Number(options.ships),
    legHours: LEG_HOURS,
    mostLegs: MOST_LEGS,
    width: '10m',
    window: 2,
    seed,
  });
  await fleet.generated(0);
  await prepareDatabases(stack);
  await stack.startWorkers();
  const leftOut =
    'why' in stack.disk ? [{ kind: 'disk full' as FaultKind, why: stack.disk.why }] : [];
  const plan = planChaos({
    totalMs,
    everyMs: Number(options.every ?? 4 * scale) * 1_000,
    seed,
    scale,
    leftOut: leftOut.map(({ kind }) => kind),
  });
  const finishWithinMs = 120_000 * scale;
  const log = await runChaos({ stack, fleet, plan, totalMs, finishWithinMs, signal, say });
  say('comparing source and target');
  const evidence = await gatherEvidence(stack, fleet);
  const endedByItself = [
    stack.postgres,
    stack.temporal,
    ...stack.workers.map((w) => w.process),
  ].flatMap((process) => process.endedByItself);
  return reportChaos({ seed, minutes, timers, leftOut, log, evidence, fleet, endedByItself });
}
