#!/bin/sh
# Makes Temporal's tables, and brings them up to the version of temporal-sql-tool: safe to run again, also after an upgrade.
# Who runs it says where by SQL_PLUGIN, SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD. The databases are there.
set -eu

set_up() {
  temporal-sql-tool --database "$1" setup-schema --version 0.0
  temporal-sql-tool --database "$1" update-schema --schema-name "$2"
}

set_up temporal postgresql/v12/temporal
set_up temporal_visibility postgresql/v12/visibility
