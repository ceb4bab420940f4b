-- Run once by PostgreSQL's image, on a volume that is empty: Temporal's own databases, and one for ships' data.
\getenv temporal_password TEMPORAL_DB_PASSWORD
\getenv fairlead_password FAIRLEAD_DB_PASSWORD

create role temporal login password :'temporal_password';
create database temporal owner temporal;
create database temporal_visibility owner temporal;
revoke all on database temporal, temporal_visibility from public;

create role fairlead login password :'fairlead_password';
create database tenant_builder owner fairlead;
revoke all on database tenant_builder from public;

\connect tenant_builder
set role fairlead;

-- The narrow table, as ships' own system has it: for `fairlead import` and `fairlead generate` to fill.
create schema tenant;
create table tenant.tbl_data_timeseries (
  id                  bigserial not null,
  ship_id             text not null,
  data_channel_id     text not null,
  created_time        timestamp not null,
  server_created_time timestamp,
  bool_v              boolean,
  str_v               text,
  long_v              bigint,
  double_v            double precision,
  value_format        varchar(50),
  constraint data_timeseries_pk primary key (ship_id, data_channel_id, created_time)
);
create index tbl_data_timeseries_created_time_idx on tenant.tbl_data_timeseries (created_time desc);
