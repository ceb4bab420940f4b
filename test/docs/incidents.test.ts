import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keepaliveTimer, KERNEL_HZ } from '../../domain/kernel-timers.ts';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { incidentFailures, legacyLog } from '../legacy-log.ts';

const page = readFileSync(join(packageRoot, 'docs', 'incidents.md'), 'utf8');
const sample = join(packageRoot, 'data', 'incident.log');

describe('docs/incidents.md', () => {
  it('shows what diagnose prints of the sample log', () => {
    const main = join(packageRoot, 'dist', 'cli', 'main.js');
    const { stdout } = spawnSync(process.execPath, [main, 'diagnose', sample], {
      encoding: 'utf8',
    });
    const shown = /<!-- test: diagnose -->\n\n```\n([^]*?)```/.exec(page)![1]!;
    const printed = stdout.split('\n');
    const missing = shown.split('\n').filter((line) => !printed.includes(line));
    expect(missing).toEqual([]);
  });

  it('has the sample log that the published figures make', () => {
    expect(readFileSync(sample, 'utf8')).toBe(legacyLog(incidentFailures(), { noiseEvery: 9 }));
  });

  it.each(KERNEL_HZ)('has the arithmetic of HZ=%i', (hz) => {
    const { stepSeconds, intervalSeconds, fromSeconds, toSeconds, repeatedSeconds } =
      keepaliveTimer(hz);
    const cells = new RegExp(`^\\| ${hz} +\\|(.*)\\|$`, 'm').exec(page)![1]!.split('|');
    const numbers = cells.map((cell) => cell.match(/[\d.]+/g)!.map(Number)).flat();
    const expected = [stepSeconds, intervalSeconds, fromSeconds, toSeconds, repeatedSeconds];
    expect(numbers).toEqual(expected.map((seconds) => Math.round(seconds * 1_000) / 1_000));
  });
});
