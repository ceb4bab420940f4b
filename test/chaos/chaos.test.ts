import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { faultKinds } from '../../bench/chaos/chaos-plan.ts';
import type { ChaosReport } from '../../bench/chaos/chaos-report.ts';
import { packageRoot } from '../../workers/configuration/package-root.ts';

/** Small ships and short pauses: every kind of fault happens within half a minute. */
const WORDS = ['--minutes', '0.5', '--every', '0.9', '--ships', '2', '--channels', '60'];

test('a fleet that migrates under every kind of fault loses and doubles nothing', async () => {
  const { exitCode, report, stderr } = await runChaos('--seed', '2', ...WORDS);
  expect(report?.wrong, stderr).toEqual([]);
  expect(exitCode, stderr).toBe(0);
  expect(report).toMatchObject({
    cells: { lost: 0, different: 0, doubled: 0, foreign: 0, wrongRows: 0 },
    committedTwice: 0,
    verdict: 'passed',
  });
  const left = report!.leftOut.map(({ kind }) => kind);
  expect(Object.keys(report!.byKind).toSorted()).toEqual(
    faultKinds.filter((kind) => !left.includes(kind)).toSorted(),
  );
  expect(report!.fleet.commits).toBeGreaterThan(20);
}, 240_000);

async function runChaos(...words: string[]) {
  const main = join(packageRoot, 'dist', 'bench', 'chaos.js');
  const child = spawn(process.execPath, [main, '--json', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  const report = stdout ? (JSON.parse(stdout) as ChaosReport) : undefined;
  return { exitCode, report, stderr };
}
