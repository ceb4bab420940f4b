/** Holds the narrow table; each test's database is a copy of it. */
export const TEMPLATE_DATABASE = 'fairlead_template';

/** The source as the ships' data reaches it: one row per cell. */
export const narrowTableSql = `
create schema tenant;
create table tenant.tbl_data_timeseries (
  id                  bigserial not null,
  ship_id             text not null,
  data_channel_id     text not null,
  created_time        timestamp not null,
  server_created_time timestamp,
  bool_v  boolean, str_v text, long_v bigint, double_v double precision,
  value_format varchar(50),
  constraint data_timeseries_pk primary key (ship_id, data_channel_id, created_time)
);
create index tbl_data_timeseries_created_time_idx on tenant.tbl_data_timeseries (created_time desc);
`;
