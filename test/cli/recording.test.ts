import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { filesIn } from '../activities/sensor/recording/recording-lab.ts';
import { startRecorder } from '../activities/sensor/recording/start-recorder.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const HOUR_MS = 3_600_000;

/** Runs `fairlead recording`, as compiled. */
async function recording(...words: string[]) {
  const child = spawn(process.execPath, [MAIN, 'recording', ...words]);
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { stdout, stderr, exitCode: exitCode as number };
}

const jsonOf = (stdout: string) => JSON.parse(stdout) as Record<string, Record<string, unknown>[]>;

describe('fairlead recording', () => {
  it('refuses a file that is being written, and repairs it once its writer was killed', async () => {
    await using folder = await temporaryFolder();
    const recorder = startRecorder(folder.path, 1_000, HOUR_MS);
    await once(createInterface(recorder.stdout), 'line');
    const [part = ''] = await filesIn(folder.path);

    const growing = await recording('info', part);
    expect(growing).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('being written'),
    });
    const refused = await recording('repair', part, '--json');
    expect(refused.exitCode).toBe(3);
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'recording-in-use' } });

    recorder.kill('SIGKILL');
    await once(recorder, 'close');
    const left = await recording('info', part, '--json');
    expect(left.exitCode).toBe(4);
    const [info] = jsonOf(left.stdout)['recordings']!;
    expect(info).toMatchObject({
      state: 'unfinished',
      sensor: 'pier-3',
      stream: 'output',
      damage: [],
    });

    const repaired = await recording('repair', part, '--json');
    expect(repaired.exitCode).toBe(0);
    const whole = part.replace('.part', '');
    expect(jsonOf(repaired.stdout)['repairs']).toMatchObject([
      {
        result: 'repaired',
        from: part,
        file: whole,
        messages: info!['messages'],
        original: 'deleted',
      },
    ]);
    expect(await filesIn(folder.path)).toEqual([whole]);
    const after = await recording('info', whole);
    expect(after).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('complete') });
  });

  it('tells damage with exit code 4, and keeps the damaged file when it repairs', async () => {
    await using folder = await temporaryFolder();
    const recorder = startRecorder(folder.path, 1_000);
    const lines = createInterface(recorder.stdout);
    while (!(await readdir(folder.path)).some((name) => name.endsWith('.mcap')))
      await once(lines, 'line');
    recorder.kill('SIGKILL');
    await once(recorder, 'close');
    const whole = (await filesIn(folder.path)).find((name) => name.endsWith('.mcap'))!;
    const bytes = await readFile(whole);
    bytes[(bytes.byteLength / 2) | 0]! ^= 0xff;
    const damaged = join(folder.path, 'damaged file.mcap');
    await writeFile(damaged, bytes);

    const info = await recording('info', whole, damaged);
    expect(info.exitCode).toBe(4);
    expect(info.stdout).toContain(`fairlead recording repair '${damaged}'`);
    const repaired = await recording('repair', whole, damaged);
    expect(repaired.exitCode).toBe(4);
    expect(repaired.stdout).toContain('whole already');
    expect(await readFile(damaged)).toEqual(bytes);
    expect((await recording('info', damaged.replace('.mcap', '.repaired.mcap'))).exitCode).toBe(0);
  });

  it('names every word that is no file, and goes on past a file that is no recording', async () => {
    await using folder = await temporaryFolder();
    const wrong = await recording('info', folder.path, join(folder.path, 'absent.mcap'));
    expect(wrong).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('absent.mcap are no files'),
    });
    const strange = join(folder.path, 'strange.mcap');
    await copyFile(MAIN, strange);
    const info = await recording('info', strange, strange);
    expect(info.exitCode).toBe(4);
    expect(info.stdout.match(/is no MCAP file/g)).toHaveLength(2);
  });
});
