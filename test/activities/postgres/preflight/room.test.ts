import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from 'pg';
import { openPool } from '../../../../activities/postgres/connection.ts';
import { CopyBuffers } from '../../../../activities/postgres/migration-databases.ts';
import { SourceSlots } from '../../../../activities/postgres/source-slots.ts';
import { parseTableName } from '../../../../domain/table-name.ts';
import { anyFreePort } from '../../../../workers/stack/choose-port.ts';
import { startPostgres, type PostgresServer } from '../../../../workers/stack/postgres-server.ts';
import { narrowTableSql } from '../../../narrow-table.ts';
import { temporaryFolder } from '../../../temporary-folder.ts';
import { preflight } from './preflight-lab.ts';

/** A server whose commits wait, whose archiver fails, and which keeps WAL for nobody: no other test may share it. */
describe('the room that a preflight finds', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: PostgresServer;
  const start = async (name: string, settings: Record<string, string> = {}) =>
    startPostgres({
      folder: join(folder.path, name),
      port: await anyFreePort(),
      settings: { fsync: 'off', ...settings },
      report: () => {},
    });
  const query = async (sql: string) => {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    try {
      return await client.query(sql);
    } finally {
      await client.end();
    }
  };
  const look = async () => {
    const open = (role: 'source' | 'target') =>
      openPool({ url: server.url, role, maxConnections: 3 });
    const [source, target] = [open('source'), open('target')];
    try {
      return await preflight({
        source,
        target,
        sourceTable: parseTableName('tenant.tbl_data_timeseries'),
        targetTemplate: 'tenant.tbl_data_timeseries_{ship}_{group}',
        groups: [],
        channelTypes: new Map(),
        buffers: new CopyBuffers(1 << 26),
        sourceSlots: new SourceSlots(16),
        stallMs: 60_000,
      });
    } finally {
      await Promise.all([source.end(), target.end()]);
    }
  };

  beforeAll(async () => {
    folder = await temporaryFolder();
    server = await start('primary', {
      wal_level: 'replica',
      max_wal_senders: '4',
      archive_mode: 'on',
      archive_command: 'false',
      idle_session_timeout: '10min',
    });
    await query(narrowTableSql);
  });
  afterAll(async () => {
    await server?.stop();
    await folder[Symbol.asyncDispose]();
  });

  it('tells the free bytes of a server on this machine', async () => {
    const { check } = await look();
    expect(check('target disk')).toMatchObject({
      verdict: 'good',
      found: expect.stringContaining('are free'),
    });
    expect(check('target archiver').verdict).toBe('good');
    expect(check('target replication slots')).toMatchObject({ verdict: 'good' });
    expect(check('target synchronous standbys').verdict).toBe('good');
  });

  it('names the file of a timeout, and the line; and the command line', async () => {
    await query(`alter system set transaction_timeout = '30s'`);
    await query('select pg_reload_conf()');
    while ((await query('show transaction_timeout')).rows[0].transaction_timeout !== '30s');
    const { check } = await look();
    expect(check('target transaction_timeout')).toMatchObject({
      verdict: 'stop',
      found: expect.stringMatching(/30s \(\S+postgresql\.auto\.conf:\d+\)/),
    });
    expect(check('target idle_session_timeout').found).toBe("10m (the server's command line)");
    await query(check('target transaction_timeout').fix!);
    expect((await look()).check('target transaction_timeout').verdict).toBe('good');
  });

  it('is filled by a slot that nobody reads, until it is dropped', async () => {
    await query(`select pg_create_physical_replication_slot('forgotten', true)`);
    const { check } = await look();
    expect(check('target replication slots')).toMatchObject({
      verdict: 'stop',
      fix: `select pg_drop_replication_slot('forgotten');`,
    });
    await query(check('target replication slots').fix!);
    expect((await look()).check('target replication slots').verdict).toBe('good');
  });

  it('is filled by an archiver that fails', async () => {
    await query('select pg_switch_wal()');
    const failed = 'select from pg_stat_archiver where failed_count > 0';
    while ((await query(failed)).rows.length === 0);
    const { check } = await look();
    expect(check('target archiver')).toMatchObject({
      verdict: 'stop',
      found: expect.stringContaining('WAL stays until the disk is full'),
      fix: expect.stringContaining('show archive_command;'),
    });
  });

  it('has no use for a commit that waits for a standby that is away', async () => {
    await query(`alter system set synchronous_standby_names = 'elsewhere'`);
    await query('select pg_reload_conf()');
    const waits = `select from pg_settings where name = 'synchronous_standby_names' and setting = 'elsewhere'`;
    while ((await query(waits)).rows.length === 0);
    const { check } = await look();
    expect(check('target synchronous standbys')).toMatchObject({
      verdict: 'stop',
      found: expect.stringContaining('the first chunk would hang'),
    });
    for (const statement of check('target synchronous standbys').fix!.split(';').slice(0, 2))
      await query(statement);
    while ((await query(waits)).rows.length > 0);
    expect((await look()).check('target synchronous standbys').verdict).toBe('good');
  });

  it('is none on a standby, which can be read all the same', async () => {
    await server.stop();
    await writeFile(join(folder.path, 'primary', 'data', 'standby.signal'), '', { mode: 0o644 });
    server = await start('primary', { wal_level: 'replica', max_wal_senders: '4' });
    const { check, reached } = await look();
    expect(reached).toBe(true);
    expect(check('target writable')).toMatchObject({
      verdict: 'stop',
      found: expect.stringContaining('a standby takes no writes'),
    });
    expect(check('source state')).toMatchObject({ verdict: 'good' });
    expect(check('source standby')).toMatchObject({
      verdict: 'look',
      fix: expect.stringContaining('hot_standby_feedback = on'),
    });
  });
});
