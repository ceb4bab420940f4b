import { Client } from 'pg';
import { expect, test } from 'vitest';
import { compareCells } from '../../bench/chaos/compare-cells.ts';
import { freshDatabase } from '../database.ts';

const SHIP = 'IMO9976903';
const DAY = { from: '2025-06-15T00:00:00Z', to: '2025-06-16T00:00:00Z' };
const RIGHT = {
  source: 6,
  equal: 5,
  nulls: 1,
  lost: 0,
  different: 0,
  doubled: 0,
  foreign: 0,
  wrongRows: 0,
};

/** Three channels at two instants in one wide table, as a migration leaves them. */
const MIGRATED = `
  create schema fairlead;
  create table fairlead.channel_map (ship_id text, data_channel_id text, table_name text, column_name text);
  create table fairlead.quarantine (ship_id text, data_channel_id text, created_time timestamp, reason text,
    bool_v boolean, str_v text, long_v bigint, double_v double precision);
  create table tenant.tbl_data_timeseries_imo9976903_1 (created_time timestamp primary key, "/a" float8, "/b" bigint, "/c" text);
  insert into fairlead.channel_map select '${SHIP}', c, 'tenant.tbl_data_timeseries_imo9976903_1', c from unnest(array['/a', '/b', '/c']) c;
  insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, double_v, long_v, str_v) values
    ('${SHIP}', '/a', '2025-06-15 00:00', 'Decimal', 0.1, null, null), ('${SHIP}', '/a', '2025-06-15 00:15', 'Decimal', 1e300, null, null),
    ('${SHIP}', '/b', '2025-06-15 00:00', 'Integer', null, 9007199254740993, null), ('${SHIP}', '/b', '2025-06-15 00:15', 'Integer', null, null, null),
    ('${SHIP}', '/c', '2025-06-15 00:00', 'String', null, null, 'Ölstand "prüfen"'), ('${SHIP}', '/c', '2025-06-15 00:15', 'String', null, null, '');
  insert into tenant.tbl_data_timeseries_imo9976903_1 values
    ('2025-06-15 00:00', 0.1, 9007199254740993, 'Ölstand "prüfen"'), ('2025-06-15 00:15', 1e300, null, '');`;

const WIDE = 'tenant.tbl_data_timeseries_imo9976903_1';

const cases: [string, string, Partial<typeof RIGHT>][] = [
  ['nothing wrong', 'select', {}],
  ['a lost cell', `update ${WIDE} set "/a" = null where "/b" is null`, { equal: 4, lost: 1 }],
  [
    'a cell that differs in its last digit',
    `update ${WIDE} set "/b" = 9007199254740992 where "/b" is not null`,
    { equal: 4, different: 1 },
  ],
  ['a lost row', `delete from ${WIDE} where "/b" is null`, { equal: 3, lost: 2, wrongRows: 1 }],
  [
    'a row at an instant that the source does not know',
    `insert into ${WIDE} values ('2025-06-15 00:30', 1)`,
    { foreign: 1, wrongRows: 1 },
  ],
  [
    'a value where the source has NULL',
    `update ${WIDE} set "/b" = 1 where "/b" is null`,
    { nulls: 0, foreign: 1 },
  ],
  [
    'a cell that is in quarantine as well',
    `insert into fairlead.quarantine values ('${SHIP}', '/a', '2025-06-15 00:00', 'conflict', null, null, null, 0.1)`,
    { doubled: 1 },
  ],
  [
    'a row of another day',
    `insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, double_v) values ('${SHIP}', '/a', '2025-06-16 00:00', 'Decimal', 1)`,
    {},
  ],
];

test.each(cases)('finds %s', async (_, damage, found) => {
  await using database = await freshDatabase();
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    await client.query(MIGRATED);
    await client.query(damage);
    expect(await compareCells(client, SHIP, DAY)).toEqual({ ...RIGHT, ...found });
  } finally {
    await client.end();
  }
});
