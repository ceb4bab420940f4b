import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { freshDatabase } from '../../../database.ts';
import { ownServer } from '../../../failures/own-server.ts';
import {
  cell,
  insertCells,
  migrationLab,
  narrowCells,
  planAndPrepare,
  wideCells,
} from '../../../migration-databases.ts';
import {
  FOUND,
  ID_INDEX,
  TABLE,
  day,
  fill,
  late,
  look,
  migrate,
  migrated,
  to,
} from './late-lab.ts';

describe('late cells in gaps of old blocks', () => {
  it('are found by an index that is made after a look that could not see them', async () => {
    await using lab = await migrationLab();
    await migrated(lab);
    const { rows } = await lab.targetDatabase.query<{ id: string }>(
      `select position->>'id' as id from fairlead.late_mark`,
    );
    await insertCells(lab, [cell('Decimal', '/a', day('03:15:00'), 1)]);
    // As if it had gone where such a look does not go.
    await lab.targetDatabase.query(
      `update fairlead.chunk set to_time = from_time + interval '1 hour' where from_time = '2025-06-15 02:00'`,
    );
    expect(await look(lab)).toMatchObject({ by: 'blocks', cells: { missing: 0 } });
    await lab.targetDatabase.query(
      `update fairlead.chunk set to_time = from_time + interval '2 hours' where from_time = '2025-06-15 02:00'`,
    );
    await lab.sourceDatabase.query(ID_INDEX);
    const after = await lab.targetDatabase.query(
      `select position->>'id' as id from fairlead.late_mark`,
    );
    expect(after.rows).toEqual(rows);
    expect(await look(lab)).toMatchObject({ by: 'id', cells: { missing: 1 } });
  });
});

describe('late cells of a role that may only read', () => {
  const asRole = async (grants: (role: string) => string) => {
    const role = `reader_${randomBytes(4).toString('hex')}`;
    const lab = await migrationLab({
      separate: true,
      sourceUrl: (url) => Object.assign(new URL(url), { username: role, password: 'secret' }).href,
    });
    await lab.sourceDatabase.query(
      `create role ${role} login password 'secret'; ${ID_INDEX}; grant usage on schema tenant to ${role}; ${grants(role)}`,
    );
    const dispose = lab[Symbol.asyncDispose];
    return Object.assign(lab, {
      [Symbol.asyncDispose]: async () => {
        await lab.sourceDatabase.query(`drop owned by ${role}; drop role ${role}`);
        await dispose();
      },
    });
  };

  it('are found', async () => {
    await using lab = await asRole((role) => `grant select on ${TABLE} to ${role}`);
    await migrated(lab);
    await late(lab);
    expect(await look(lab)).toMatchObject({ by: 'id', ...FOUND });
  });

  it('are not looked for where it may read only columns, and what would help is said', async () => {
    const columns =
      'ship_id, data_channel_id, created_time, server_created_time, bool_v, str_v, long_v, double_v, value_format';
    await using lab = await asRole((role) => `grant select (${columns}) on ${TABLE} to ${role}`);
    await migrated(lab);
    await expect(look(lab)).rejects.toMatchObject({
      code: 'late-not-findable',
      message: expect.stringContaining(`(grant select on it)`),
    });
    expect(await wideCells(lab)).toEqual(await narrowCells(lab));
  });
});

describe('late cells of a standby', () => {
  it(
    'are not looked for, nor after it took over until all was compared',
    { timeout: 180_000 },
    async () => {
      await using server = await ownServer({ autovacuum: 'off' });
      await using target = await freshDatabase();
      const url = new URL(target.url);
      await using lab = await migrationLab({
        database: server.database,
        targetUrl: () => url.href,
      });
      const { database } = server;
      const onTarget = Object.assign(lab, { targetDatabase: target });
      await database.query(ID_INDEX);
      await fill(onTarget);
      await server.becomeStandby();
      await migrate(onTarget, await planAndPrepare(onTarget, { to }));
      await expect(look(onTarget)).rejects.toMatchObject({
        code: 'late-not-findable',
        message: expect.stringContaining('the source is a standby'),
      });
      await server.promote();
      await expect(look(onTarget)).rejects.toMatchObject({ code: 'late-not-findable' });
      await planAndPrepare(onTarget, { to });
      expect(await look(onTarget)).toMatchObject({ by: 'id', cells: { missing: 0 }, uncovered: 5 });
    },
  );
});
