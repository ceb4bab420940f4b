import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import type { BenchPart } from './sensor/bench-part.ts';
import { blackHole } from './sensor/black-hole.ts';
import { deadPeer } from './sensor/dead-peer.ts';
import { judged, targetText, type Figure } from './sensor/figure.ts';
import { heldRates } from './sensor/held-rates.ts';
import { kills } from './sensor/kills.ts';
import { reconnectGaps } from './sensor/reconnect-gaps.ts';
import { restConnections } from './sensor/rest-connections.ts';
import { stalls } from './sensor/stalls.ts';
import { twentySessions } from './sensor/twenty-sessions.ts';

/*
 * Measures what the sensor half promises: every client is a process of the real command line, every server a
 * `fairlead simulate sensr` of its own.
 */

const parts: readonly BenchPart[] = [
  heldRates,
  twentySessions,
  restConnections,
  kills,
  deadPeer,
  blackHole,
  reconnectGaps,
  stalls,
];
const names = parts.map(({ name }) => name);
const MISSED = 4;

const HELP = `npm run bench:sensor [-- --only <part> …] [--json]

  --only   one part, and no other; repeatable: ${names.join(', ')}
  --json   one JSON document on stdout

Exit code 0: every target was met; 4: one was missed. All parts take about ten minutes.
`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const startedAt = Date.now();
const unknown = options.only.filter((name) => !names.includes(name));

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-bench-'));
  const wanted = parts.filter(
    ({ name }) => options.only.length === 0 || options.only.includes(name),
  );
  const figures: Figure[] = [];
  try {
    for (const part of wanted.filter(({ isAlone }) => isAlone))
      figures.push(...(await measure(part, folder)));
    const others = wanted.filter(({ isAlone }) => !isAlone);
    const firstMs = Math.min(...others.map(({ afterMs = 0 }) => afterMs));
    const together = others.map(async (part) => {
      await sleep((part.afterMs ?? 0) - firstMs);
      return measure(part, folder);
    });
    figures.push(...(await Promise.all(together)).flat());
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
  const isMissed = figures.some(({ verdict }) => verdict === 'missed');
  const report = {
    verdict: isMissed ? 'missed' : 'met',
    at: new Date(startedAt).toISOString(),
    seconds: Math.round((Date.now() - startedAt) / 1_000),
    machine: machine(),
    figures,
  };
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${tableOf(figures)}\n`);
  process.exitCode = isMissed ? MISSED : 0;
}

/** A part that breaks is a target missed, and no reason to lose the other figures. */
async function measure(part: BenchPart, folder: string): Promise<Figure[]> {
  const own = join(folder, part.name);
  await mkdir(own);
  const say = (line: string) => {
    const seconds = ((Date.now() - startedAt) / 1_000).toFixed(0).padStart(4);
    process.stderr.write(`bench ${seconds} s: ${part.name}: ${line}\n`);
  };
  try {
    const figures = await part.measure({ folder: own, say });
    say('done');
    return figures;
  } catch (error) {
    say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    const remark = error instanceof Error ? error.message : String(error);
    const what = `${part.name} was measured`;
    return [judged({ part: part.name, what, value: 0, unit: '', target: { atLeast: 1 }, remark })];
  }
}

const machine = () => ({
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
  processors: cpus().length,
  processor: cpus()[0]?.model ?? 'unknown',
  memoryGiB: Math.round(totalmem() / 1024 ** 3),
});

function tableOf(figures: readonly Figure[]): string {
  const table = new Table({
    head: ['what', 'figure', 'target', 'verdict', 'remark'],
    style: { head: [], border: [] },
    colWidths: [62, 18, 22, 11, 44],
    wordWrap: true,
  });
  for (const figure of figures) {
    const value = figure.value === undefined ? '–' : `${figure.value} ${figure.unit}`;
    table.push([figure.what, value, targetText(figure), figure.verdict, figure.remark ?? '']);
  }
  return table.toString();
}

if (options.help) process.stdout.write(HELP);
else if (unknown.length > 0) {
  process.stderr.write(`there is no part ${unknown.join(', ')}; there are ${names.join(', ')}\n`);
  process.exitCode = 2;
} else await main();
