import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from 'pg';
import { hasOpenssl, tlsServer, type TlsServer } from '../activities/postgres/tls-server.ts';
import { testTemporal } from '../temporal.ts';
import { commandWorld, type CommandWorld } from './command-world.ts';

const SHIP = 'IMO9976903';
const RANGE = ['--from', '2025-06-15', '--to', '2025-06-15T06:00'];
const PASSWORD = 'Vi0let/Sea@Horse';

/** By TLS, with a password that stands in a file alone. */
describe.runIf(hasOpenssl()).sequential('databases that ask for TLS', () => {
  let server: TlsServer;
  let world: CommandWorld;
  let environment: Record<string, string>;
  let said = '';
  const parameters = () => ({ sslmode: 'verify-full', sslrootcert: server.authority.file });
  const url = (more = parameters()) => {
    const own = new URL(server.url('encrypted', more));
    [own.username, own.password] = ['mover', ''];
    return own.href;
  };
  const fairlead = async (...words: string[]) => {
    const answer = await world.fairlead(...words);
    said += answer.stdout + answer.stderr;
    return answer;
  };

  beforeAll(async () => {
    server = await tlsServer();
    await onDatabase(
      `create role mover login password '${PASSWORD}';
       grant create, temporary on database encrypted to mover;
       grant usage, create on schema tenant to mover;
       grant select on tenant.tbl_data_timeseries to mover;
       insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, double_v)
       select '${SHIP}', '/a/1', timestamp '2025-06-15' + n * interval '15 s', 'Decimal', n from generate_series(0, 1439) n`,
    );
    const file = join(server.folder, 'mover.password');
    await writeFile(file, `${PASSWORD}\n`);
    environment = { FAIRLEAD_SOURCE_PASSWORD_FILE: file, FAIRLEAD_TARGET_PASSWORD_FILE: file };
    world = await commandWorld({ sourceUrl: () => url(), targetUrl: () => url(), environment });
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const onDatabase = async (sql: string) => {
    const ssl = { rejectUnauthorized: false };
    const client = new Client({ connectionString: server.url('encrypted'), ssl });
    await client.connect();
    try {
      return await client.query(sql);
    } finally {
      await client.end();
    }
  };

  it('are migrated and verified, and nothing that is written has the password', async () => {
    await using worker = await world.startWorker();
    expect((await fairlead('migrate', SHIP, ...RANGE)).exitCode).toBe(0);
    expect((await fairlead('verify', SHIP, '--json')).exitCode).toBe(0);
    await onDatabase(
      `do $$ begin execute (select format('alter table %s add check ("/a/1" is null) not valid', table_name)
         from ${world.ledger}.channel_map); end $$`,
    );
    expect((await fairlead('migrate', SHIP, ...RANGE, '--redo', '--json')).exitCode).toBe(4);
    await fairlead('failed', '--json');
    await using temporal = await testTemporal();
    const handle = temporal.client.workflow.getHandle(world.names.migrateShip(SHIP));
    const { events } = await handle.fetchHistory();
    const { rows } = await onDatabase(`select to_jsonb(c) as row from ${world.ledger}.chunk c`);
    const written = [
      said,
      worker.log(),
      textOf(events),
      textOf((await handle.describe()).raw),
      textOf(rows),
    ];
    for (const text of written) {
      expect(text.length).toBeGreaterThan(100);
      for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), 'postgresql://'])
        expect(text).not.toContain(secret);
    }
  }, 180_000);

  it('are said to be encrypted by preflight', async () => {
    const { exitCode, stdout } = await fairlead('preflight', '--json');
    expect(exitCode).toBe(0);
    const found = (
      JSON.parse(stdout) as { checks: { name: string; verdict: string; found: string }[] }
    ).checks;
    for (const role of ['source', 'target'])
      expect(found).toContainEqual(
        expect.objectContaining({
          name: `${role} encryption`,
          verdict: 'good',
          found: 'TLSv1.3, with a certificate that is trusted, and for this host',
        }),
      );
  });

  it('end a command with 3 and what to type when another authority is named', async () => {
    await using other = await commandWorld({
      sourceUrl: () => url({ sslmode: 'verify-full', sslrootcert: server.stranger.file }),
      targetUrl: () => url(),
      environment,
    });
    const { exitCode, stdout } = await other.fairlead('preflight');
    expect(exitCode).toBe(3);
    expect(stdout).toMatch(
      /the certificate of 127\.0\.0\.1:\d+ is signed by no authority that is trusted here/,
    );
    expect(stdout).toContain('sslrootcert=/path/ca.pem in the URL of the source database');
  });

  it('end a command with 2 when a file that is named is not there', async () => {
    await using other = await commandWorld({
      sourceUrl: () => url({ sslmode: 'verify-full', sslrootcert: '/no/such/ca.pem' }),
      environment: { FAIRLEAD_TARGET_PASSWORD_FILE: '/no/such/password' },
    });
    const { exitCode, stderr } = await other.fairlead('status');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('source.url names /no/such/ca.pem, which cannot be read (ENOENT)');
    expect(stderr).toContain('and url has a password too');
  });
});

/** With what is inside of payloads. */
const textOf = (message: unknown): string =>
  JSON.stringify(message, (_, value: unknown) => {
    const bytes = value as { type?: string; data?: number[] } | undefined;
    return bytes?.type === 'Buffer' ? Buffer.from(bytes.data ?? []).toString() : value;
  });
