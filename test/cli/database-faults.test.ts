import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testTemporal } from '../temporal.ts';
import { commandWorld, type CommandWorld } from './command-world.ts';

const SHIP = 'IMO9976903';
const RANGE = ['--from', '2025-06-15', '--to', '2025-06-15T06:00'];
/** A password that must be percent-encoded in a URL; neither form may show anywhere. */
const PASSWORD = 'r@in/bow#7';
const ENCODED = encodeURIComponent(PASSWORD);

const as = (role: string) => (url: string) => {
  const other = new URL(url);
  other.username = role;
  other.password = ENCODED;
  return other.href;
};

const addCells = ({ database }: CommandWorld) =>
  database.query(
    `insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, double_v)
     select $1, '/a/1', timestamp '2025-06-15' + n * interval '15 s', 'Decimal', n from generate_series(0, 1439) n`,
    [SHIP],
  );

describe.sequential('a source that may not be read', () => {
  const role = `reader_${process.pid}_${Date.now()}`;
  let world: CommandWorld;
  let worker: Awaited<ReturnType<CommandWorld['startWorker']>>;
  let said = '';
  const fairlead = async (...words: string[]) => {
    const answer = await world.fairlead(...words);
    said += answer.stdout + answer.stderr;
    return answer;
  };

  beforeAll(async () => {
    world = await commandWorld({ sourceUrl: as(role) });
    await world.database.query(`create role ${role} login password '${PASSWORD}'`);
    await world.database.query(`grant usage on schema tenant to ${role}`);
    await addCells(world);
    worker = await world.startWorker();
  });

  afterAll(async () => {
    await worker[Symbol.asyncDispose]();
    await world.database.query(`drop owned by ${role}`);
    await world.database.query(`drop role ${role}`);
    await world[Symbol.asyncDispose]();
  });

  it('makes migrate end with 3 and what to type, while the migration lives on', async () => {
    const { exitCode, json } = await fairlead('migrate', SHIP, ...RANGE, '--json');
    expect(exitCode).toBe(3);
    const { code, message, hint } = json().error;
    expect(code).toBe('permission-denied');
    expect(message).toContain(`role ${role} may not select on tenant.tbl_data_timeseries`);
    expect(hint).toContain(`grant select on "tenant"."tbl_data_timeseries" to "${role}"`);
    const status = await fairlead('status', SHIP, '--json');
    expect(status.json().ships).toMatchObject([{ phase: 'waiting' }]);
  });

  it('goes on by itself when the cause is gone', async () => {
    await world.database.query(`grant select on tenant.tbl_data_timeseries to ${role}`);
    const phaseNow = async () => (await fairlead('status', SHIP, '--json')).json().ships[0]?.phase;
    await expect.poll(phaseNow, { timeout: 20_000 }).toBe('finished');
  });

  it('leaves no password in a message, a log or a history', async () => {
    await using temporal = await testTemporal();
    const handle = temporal.client.workflow.getHandle(world.names.migrateShip(SHIP));
    const { events } = await handle.fetchHistory();
    const { raw } = await handle.describe();
    const texts = [said, worker.log(), textOf(events), textOf(raw)];
    expect(texts.every((text) => text.length > 0)).toBe(true);
    for (const text of texts)
      for (const secret of [PASSWORD, ENCODED, 'postgresql://']) expect(text).not.toContain(secret);
  });
});

/** With what is inside of payloads. */
const textOf = (message: unknown): string =>
  JSON.stringify(message, (_, value: unknown) => {
    const bytes = value as { type?: string; data?: number[] } | undefined;
    return bytes?.type === 'Buffer' ? Buffer.from(bytes.data ?? []).toString() : value;
  });

describe('a source that is not there', () => {
  it.each([
    ['the server', (url: string) => url.replace(/:\d+\//, ':1/'), 'host and port', /ECONNREFUSED/],
  ])('is told by migrate and status: %s', async (_, sourceUrl, hint, reason) => {
    await using world = await commandWorld({ sourceUrl });
    await using worker = await world.startWorker();
    expect(worker.log()).toContain('worker started');
    expect((await world.fairlead('migrate', SHIP, ...RANGE, '--no-wait')).exitCode).toBe(0);
    const remarks = async () => (await world.fairlead('status', SHIP)).stderr;
    await expect.poll(remarks, { timeout: 10_000 }).toMatch(reason);
    expect(await remarks()).toContain(`check ${hint} in [source] url, or FAIRLEAD_SOURCE_URL`);
    expect((await world.fairlead('cancel', SHIP)).exitCode).toBe(0);
  });

  it.each([
    ['password', (url: string) => url.replace(/:[^:@/]+@/, ':wrong@'), 'user and password'],
    ['database', (url: string) => `${url}_no`, 'the name of the database'],
  ])('makes migrate end with 3: a wrong %s', async (_, sourceUrl, hint) => {
    await using world = await commandWorld({ sourceUrl });
    await using worker = await world.startWorker();
    expect(worker.log()).toContain('worker started');
    const { exitCode, json } = await world.fairlead('migrate', SHIP, ...RANGE, '--json');
    expect(exitCode).toBe(3);
    const { error } = json();
    expect(error.message).toContain('the source database: ');
    expect(error.hint).toContain(`check ${hint} in [source] url`);
    expect((await world.fairlead('cancel', SHIP)).exitCode).toBe(0);
  });
});
