import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { superviseWorker, type WorkerPart } from '../../../workers/stack/worker-process.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const command = { command: process.execPath, args: ['-e', 'setInterval(() => {}, 1_000)'] };

afterEach(() => void vi.unstubAllEnvs());

describe.runIf(process.platform === 'linux')('the process of a worker', () => {
  it('has threads for disks that hang if it is for sensors, and only then', async () => {
    vi.stubEnv('UV_THREADPOOL_SIZE', undefined);
    expect(await environmentOf('sensorWorker')).toContain('UV_THREADPOOL_SIZE=16');
    expect((await environmentOf('worker')).join()).not.toContain('UV_THREADPOOL_SIZE');
  });

  it('has as many threads as the environment says', async () => {
    vi.stubEnv('UV_THREADPOOL_SIZE', '24');
    expect(await environmentOf('sensorWorker')).toContain('UV_THREADPOOL_SIZE=24');
  });
});

async function environmentOf(part: WorkerPart): Promise<string[]> {
  await using home = await temporaryFolder();
  const worker = await superviseWorker(home.path, part, command, () => {});
  try {
    return (await readFile(`/proc/${worker.pid()}/environ`, 'utf8')).split('\0');
  } finally {
    await worker.stop();
  }
}
