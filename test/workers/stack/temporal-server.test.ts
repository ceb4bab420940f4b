import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { expect, inject, test } from 'vitest';
import { isAlive } from '../../../activities/process-identity.ts';
import { startTemporal } from '../../../workers/stack/temporal-server.ts';
import { occupiedPort } from '../../occupied-port.ts';
import { reported } from '../../reported.ts';
import { startAndDie } from '../../start-and-die.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const cli = { path: inject('temporalCliPath') };
const report = () => undefined;

async function searchAttributesOf(address: string): Promise<string[]> {
  const connection = await Connection.connect({ address });
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({
      namespace: 'default',
    });
    return Object.keys(customAttributes);
  } finally {
    await connection.close();
  }
}

test('answers with its search attributes and its UI, and registers new ones in an old file', async () => {
  await using folder = await temporaryFolder();
  const first = await startTemporal({ folder: folder.path, cli, report });
  const expected = ['ShipId', 'MigrationPhase', 'PercentDone', 'MigratedThrough', 'FailedChunks'];
  expect(await searchAttributesOf(first.address)).toEqual(expect.arrayContaining(expected));
  expect((await fetch(first.uiUrl)).status).toBe(200);
  await first.stop();
  expect(isAlive(first.pid)).toBe(false);
  expect(existsSync(join(folder.path, 'temporal.pid'))).toBe(false);
  const searchAttributes = { SensorState: 'Keyword' };
  const second = await startTemporal({ folder: folder.path, cli, report, searchAttributes });
  expect(await searchAttributesOf(second.address)).toEqual(
    expect.arrayContaining([...expected, 'SensorState']),
  );
  await second.stop();
});

test('takes other ports when the usual ones are taken, and refuses one that the user set', async () => {
  await using folder = await temporaryFolder();
  await using other = await occupiedPort();
  for (const port of [{ port: other.port }, { uiPort: other.port }])
    await expect(
      startTemporal({ folder: folder.path, cli, report, ...port }),
    ).rejects.toMatchObject({ code: 'port-taken' });
  await using _usual = await occupiedPort(7233).catch(() => undefined);
  const server = await startTemporal({ folder: folder.path, cli, report });
  expect(server.port).not.toBe(7233);
  await server.stop();
});

test('lets a database file have one server only', async () => {
  await using folder = await temporaryFolder();
  const server = await startTemporal({ folder: folder.path, cli, report });
  await expect(startTemporal({ folder: folder.path, cli, report })).rejects.toMatchObject({
    code: 'stack-running',
  });
  await server.stop();
});

test('stops the server that a killed run left', async () => {
  await using folder = await temporaryFolder();
  const [left = 0] = startAndDie('temporal-server', 'startTemporal', { folder: folder.path, cli });
  expect(isAlive(left)).toBe(true);
  const { lines, report: note } = reported();
  const server = await startTemporal({ folder: folder.path, cli, report: note });
  expect(isAlive(left)).toBe(false);
  expect(lines.join()).toContain(`process ${left}`);
  await server.stop();
});

test('says what its log says when it does not start', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'temporal.db'), 'this is no database, and long enough to tell');
  const start = startTemporal({ folder: folder.path, cli, report });
  await expect(start).rejects.toMatchObject({ code: 'stack-failed' });
  await expect(start).rejects.toThrow(/database/);
});
