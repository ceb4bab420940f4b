import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { readText } from './compose-file.ts';
import { parseCommand } from './parse-command.ts';

const path = join('deploy', 'systemd', 'fairlead-worker@.service');
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

const valueOf = (key: string): string =>
  new RegExp(`^${key}=(.*)$`, 'm').exec(readText(path))?.[1] ?? '';

describe.each(['migration', 'sensor'])('fairlead-worker@%s.service', (queue) => {
  it('runs a command that the command line takes', async () => {
    const words = valueOf('ExecStart').replaceAll('%i', queue).split(' ');
    expect(words.slice(0, 2)).toEqual(['/usr/bin/env', 'fairlead']);
    expect(await parseCommand(words.slice(2))).toMatchObject({ ran: 'worker', options: { queue } });
  });

  it.skipIf(!hasSystemd)('is a unit that systemd takes', async () => {
    await using folder = await temporaryFolder();
    const unit = join(folder.path, `fairlead-worker@${queue}.service`);
    copyFileSync(join(packageRoot, path), unit);
    const verify = () => execFileSync('systemd-analyze', ['verify', '--man=no', unit]);
    expect(String(verify())).toBe('');
  });
});

it('starts again only what another start could mend', () => {
  expect(valueOf('Restart')).toBe('always');
  expect(valueOf('RestartPreventExitStatus')).toBe('2 3');
});

it('leaves a worker the time that it takes to end', () => {
  expect(Number(valueOf('TimeoutStopSec'))).toBeGreaterThan(30);
});
