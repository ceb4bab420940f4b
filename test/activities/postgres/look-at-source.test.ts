import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { closePool, openPool } from '../../../activities/postgres/connection.ts';
import { lookAtSource } from '../../../activities/postgres/look-at-source.ts';
import { SourceSlots } from '../../../activities/postgres/source-slots.ts';
import { ownServer } from '../../failures/own-server.ts';

const never = new AbortController().signal;
const limits = { maxLatencyMs: 1_000, maxActive: 10, maxReplicationLagMs: 1_000 };

async function look(url: string) {
  const source = openPool({ url, role: 'source', maxConnections: 1 });
  try {
    return await lookAtSource(source, limits, never);
  } finally {
    await closePool(source);
  }
}

describe('a look at the source', () => {
  it('counts the connections of others that are active, and none of ours', async () => {
    await using server = await ownServer();
    const sleepers = ['report', 'fairlead/IMO9976903/a'].map(
      (name) => new Client({ connectionString: server.database.url, application_name: name }),
    );
    for (const sleeper of sleepers) {
      sleeper.on('error', () => undefined);
      await sleeper.connect();
      sleeper.query('select pg_sleep(600)').catch(() => undefined);
    }
    await expect
      .poll(async () => (await look(server.database.url)).health, { timeout: 10_000 })
      .toMatchObject({ active: 1, inFlight: 0 });
  });

  it('says what a role may not see, and sees the rest', async () => {
    await using server = await ownServer();
    await server.database.query(`create role reader login password 'secret'`);
    const url = new URL(server.database.url);
    [url.username, url.password] = ['reader', 'secret'];
    const { health, unseen } = await look(url.href);
    expect(health.latencyMs).toBeGreaterThan(0);
    expect(unseen).toEqual([
      { limit: 'maxActive', why: expect.stringContaining('grant pg_monitor to it') },
    ]);
    await server.database.query('grant pg_monitor to reader');
    expect((await look(url.href)).unseen).toEqual([]);
  });

  it('works on a standby, and so do slots', async () => {
    await using server = await ownServer();
    await server.becomeStandby();
    const source = openPool({ url: server.database.url, role: 'source', maxConnections: 2 });
    const { rows } = await source.query('select pg_is_in_recovery() as standby');
    expect(rows).toEqual([{ standby: true }]);
    const found = await new SourceSlots(4).use({ subject: 'IMO9976903' }, async (take) => {
      const client = await source.connect();
      await client.query('begin isolation level repeatable read, read only');
      expect(await take(client)).toBe(true);
      const { health } = await lookAtSource(source, limits, never);
      await client.query('commit');
      client.release();
      return health;
    });
    expect(found).toMatchObject({ inFlight: 1, active: 0 });
    await closePool(source);
  });
});
