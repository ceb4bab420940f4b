import type { CommandWorld } from './command-world.ts';

/** Six hours of four channels from 2025-06-15, 15 s apart: 5,760 cells. */
export const fillSixHours = ({ database }: CommandWorld, ship: string) =>
  database.query(
    `insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, double_v)
     select $1, '/a/' || channel, timestamp '2025-06-15' + n * interval '15 s', 'Decimal', n
       from generate_series(0, 1439) n, generate_series(1, 4) channel`,
    [ship],
  );
