import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Payload } from '@temporalio/common';
import { PayloadCipher } from '../../workers/payload-cipher.ts';
import { testTemporal } from '../temporal.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { commandWorld, type CommandWorld } from './command-world.ts';

const SHIP = 'IMO9976903';
const RANGE = ['--from', '2025-06-15', '--to', '2025-06-15T04:00'];
/** What must not be read by whoever has Temporal's database. */
const CONFIDENTIAL = ['2025-06-15', 'widthMs', 'secretive', 'tenant.tbl'];

const newKey = (id: string) => `${id} ${randomBytes(32).toString('base64')}`;

describe.sequential('payload keys', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let file: string;
  let world: CommandWorld;
  const [first, second] = [newKey('first'), newKey('second')];

  beforeAll(async () => {
    folder = await temporaryFolder();
    file = join(folder.path, 'payload.keys');
    await writeFile(file, `# the one that encrypts comes first\n${first}\n`);
    world = await commandWorld({ environment: { FAIRLEAD_PAYLOAD_KEY_FILE: file } });
    await world.database.query(
      `insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, double_v)
       select $1, '/secretive/channel', timestamp '2025-06-15' + n * interval '15 s', 'Decimal', n
         from generate_series(0, 959) n`,
      [SHIP],
    );
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it('encrypt whatever payloads of a migration have', async () => {
    await using _worker = await world.startWorker();
    expect((await world.fairlead('migrate', SHIP, ...RANGE)).exitCode).toBe(0);
    const payloads = await payloadsOf(world.names.migrateShip(SHIP));
    expect(payloads.length).toBeGreaterThan(10);
    for (const { metadata, data } of payloads) {
      expect(Buffer.from(metadata?.['encoding'] ?? []).toString()).toBe('binary/encrypted');
      const text = Buffer.from(data ?? []).toString('latin1');
      for (const word of CONFIDENTIAL) expect(text).not.toContain(word);
    }
    const nonces = payloads.map(({ data }) => Buffer.from(data!).subarray(0, 12).toString('hex'));
    expect(new Set(nonces).size).toBe(
      new Set(payloads.map(({ data }) => Buffer.from(data!).toString('hex'))).size,
    );
  }, 120_000);

  it('are exchanged while what the old one has encrypted is still read', async () => {
    await writeFile(file, `${second}\n${first}\n`);
    await using _worker = await world.startWorker();
    expect((await world.fairlead('status', SHIP)).exitCode).toBe(0);
    expect((await world.fairlead('migrate', SHIP, ...RANGE, '--redo')).exitCode).toBe(0);
    const [payload] = await payloadsOf(world.names.migrateShip(SHIP));
    expect(Buffer.from(payload!.metadata!['encryption-key-id']!).toString()).toBe('second');
  }, 120_000);

  it('are missing: a command says which, with 3', async () => {
    await writeFile(file, `${first}\n`);
    const { exitCode, stdout } = await world.fairlead('status', SHIP, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      error: {
        code: 'payload-unreadable',
        message: `a payload in Temporal is encrypted with the key "second", and ${file} has only "first"`,
        hint: expect.stringContaining('FAIRLEAD_PAYLOAD_KEY_FILE'),
      },
    });
    expect(exitCode).toBe(3);
  });

  it('are missing to a worker: it says so, and the migration waits for one that has them', async () => {
    await writeFile(file, `${first}\n`);
    {
      await using worker = await world.startWorker();
      await writeFile(file, `${second}\n${first}\n`);
      const words = ['migrate', SHIP, ...RANGE, '--redo', '--no-wait'];
      expect((await world.fairlead(...words)).exitCode).toBe(0);
      await expect
        .poll(() => worker.log(), { timeout: 30_000 })
        .toContain(`is encrypted with the key \\"second\\", and ${file} has only \\"first\\"`);
    }
    await using _worker = await world.startWorker();
    expect((await world.fairlead('migrate', SHIP, ...RANGE, '--redo')).exitCode).toBe(0);
  }, 120_000);

  it('are a fault of the configuration where the file is of no use', async () => {
    for (const [content, fault] of [
      ['', 'has no key; make one with: echo'],
      ['one', 'whose line 1 is no id and key'],
      [`one ${Buffer.alloc(16).toString('base64')}`, 'has a key of 16 bytes, expected 32'],
      [`${first}\n${first}`, 'has the id first twice'],
    ] as const) {
      const other = join(folder.path, 'other.keys');
      await writeFile(other, content);
      await using wrong = await commandWorld({ environment: { FAIRLEAD_PAYLOAD_KEY_FILE: other } });
      const { exitCode, stderr } = await wrong.fairlead('status');
      expect(exitCode).toBe(2);
      expect(stderr).toContain(fault);
      expect(stderr).not.toContain(first.split(' ')[1]);
    }
  });
});

describe('a payload', () => {
  const key = (id: string) => ({ id, key: randomBytes(32) });
  const plain: Payload = {
    metadata: { encoding: Buffer.from('json/plain') },
    data: Buffer.from('"x"'),
  };

  it('comes back as it was, with every byte of its metadata', async () => {
    const cipher = new PayloadCipher([key('a')], 'keys');
    const [sealed] = await cipher.encode([plain]);
    const [opened] = await cipher.decode([sealed!]);
    expect(opened).toEqual(plain);
    expect(await cipher.decode([plain])).toEqual([plain]);
  });

  it.each([
    ['a changed byte', (sealed: Payload) => ((sealed.data as Buffer)[14]! ^= 1)],
    [
      'a changed tag',
      (sealed: Payload) => ((sealed.data as Buffer)[sealed.data!.length - 1]! ^= 1),
    ],
    ['half of its bytes', (sealed: Payload) => (sealed.data = sealed.data!.subarray(0, 20))],
    ['another id', (sealed: Payload) => (sealed.metadata!['encryption-key-id'] = Buffer.from('b'))],
  ])('with %s is refused', async (_, change) => {
    const one = key('a');
    const cipher = new PayloadCipher([one, { id: 'b', key: one.key }], 'keys');
    const [sealed] = await cipher.encode([plain]);
    change(sealed!);
    await expect(cipher.decode([sealed!])).rejects.toMatchObject({ code: 'payload-unreadable' });
  });
});

/** All payloads of a workflow's history and memo, wherever they stand; not its search attributes. */
async function payloadsOf(workflowId: string): Promise<Payload[]> {
  await using temporal = await testTemporal();
  const handle = temporal.client.workflow.getHandle(workflowId);
  const { events } = await handle.fetchHistory();
  const found: Payload[] = [];
  const search = (value: unknown, name = ''): void => {
    if (typeof value !== 'object' || value === null || name === 'searchAttributes') return;
    if (value instanceof Uint8Array) return;
    const { metadata, data } = value as Payload;
    if (metadata?.['encoding'] && data) found.push({ metadata, data });
    else for (const [key, each] of Object.entries(value)) search(each, key);
  };
  search(events);
  return found;
}
