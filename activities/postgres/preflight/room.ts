import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { PoolClient } from 'pg';
import { formatBytes, formatCount } from '../../../domain/format-figures.ts';
import { checksOf, type Check } from '../../../domain/preflight.ts';
import { formatDurationMs } from '../../../domain/time.ts';
import { attempt, look, type Deadline, type Side } from './look.ts';

/** What the migration of all ships that were looked at would write; undefined where nothing is known of it. */
export interface Growth {
  bytes: number;
  seconds: number;
}

/** WAL beside what the tables take; measured 0.72, without the whole pages that follow each checkpoint. */
const WAL_TO_ROWS = 1;
const SOON_MS = 30_000;

/** Disk and write-ahead log of the target, as far as SQL can tell. */
export async function checkRoom(
  side: Side,
  growth: Growth | undefined,
  deadline: Deadline,
): Promise<Check[]> {
  const one = (name: string, work: (client: PoolClient) => Promise<Check[]>) =>
    attempt('room', side.role, name, () => look(side.pool, deadline, work));
  return [
    ...(await one('disk', async (client) => [await diskCheck(client, side, growth)])),
    ...(await one('WAL', async (client) => [await walCheck(client, growth)])),
    ...(await one('archiver', async (client) => [await archiverCheck(client)])),
    ...(await one('replication slots', slotChecks)),
    ...(await one('synchronous standbys', async (client) => [await standbyCheck(client)])),
  ];
}

async function diskCheck(
  client: PoolClient,
  side: Side,
  growth: Growth | undefined,
): Promise<Check> {
  const { good, look: toLookAt, stop } = checksOf('room', 'target');
  const { rows } = await client.query(
    `select pg_database_size(current_database())::float8 as bytes, t.spcname as tablespace,
            pg_tablespace_location(t.oid) as location, (select setting from pg_settings where name = 'data_directory') as folder
       from pg_database d join pg_tablespace t on t.oid = d.dattablespace where d.datname = current_database()`,
  );
  const { bytes, tablespace, location, folder } = rows[0];
  const tablespaceBytes = await sizeOfTablespace(client, tablespace);
  const place: string | undefined = location || (folder ?? undefined);
  const grows = growth ? `; the migration adds about ${formatBytes(growth.bytes)}` : '';
  const found =
    `database ${formatBytes(bytes)}, tablespace ${tablespace}` +
    `${tablespaceBytes === undefined ? '' : ` ${formatBytes(tablespaceBytes)}`}${grows}`;
  const free = await freeBytesHere(side, folder, place);
  if (free === undefined)
    return toLookAt(
      'disk',
      `${found}; how much is free, SQL cannot see`,
      `df -h ${place ?? '"$(sudo -u postgres psql -XAtc \'show data_directory\')"'}   # on the database server; a platform shows it in its console`,
    );
  const sentence = `${found}; ${formatBytes(free)} are free`;
  // While the chunks of a migration are written, their WAL lies beside them until a checkpoint.
  const needed = (growth?.bytes ?? 0) * 1.2;
  if (free < needed) return stop('disk', `${sentence}: not enough`, `df -h ${place}   # make room`);
  if (free < needed * 1.5 || free < 1e9)
    return toLookAt('disk', `${sentence}: little`, `df -h ${place}`);
  return good('disk', sentence);
}

/** Not every role may ask it. */
async function sizeOfTablespace(client: PoolClient, name: string): Promise<number | undefined> {
  const { rows } = await client.query(
    `select case when has_tablespace_privilege(t.oid, 'create') or pg_has_role('pg_read_all_stats', 'usage')
                   or t.oid = (select dattablespace from pg_database where datname = current_database())
                 then pg_tablespace_size(t.oid)::float8 end as bytes
       from pg_tablespace t where t.spcname = $1`,
    [name],
  );
  return rows[0]?.bytes ?? undefined;
}

/** Where the server runs on this machine, proven by the start that its own pid file tells. */
async function freeBytesHere(
  { pool, facts }: Side,
  folder: string | null,
  place: string | undefined,
): Promise<number | undefined> {
  if (folder === null || place === undefined || !pool) return undefined;
  try {
    const lines = (await readFile(join(folder, 'postmaster.pid'), 'utf8')).split('\n');
    if (Math.abs(Number(lines[2]) * 1_000 - Date.parse(facts.startedAt)) > 60_000) return undefined;
    const { bavail, bsize } = await statfs(place);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

async function walCheck(client: PoolClient, growth: Growth | undefined): Promise<Check> {
  const { good, look: toLookAt } = checksOf('room', 'target');
  const { rows } = await client.query(
    `select current_setting('wal_level') as level, pg_size_bytes(current_setting('max_wal_size'))::float8 as max,
            current_setting('max_wal_size') as max_text, current_setting('wal_keep_size', true) as keep,
            current_setting('synchronous_commit') as synchronous`,
  );
  const { level, max, max_text: maxText, keep, synchronous } = rows[0];
  const kept = keep === null || keep === '0' ? '' : `, wal_keep_size ${keep}`;
  const off =
    synchronous === 'off'
      ? '; synchronous_commit is off: a crash loses chunks that Temporal has counted, and they are found and done again'
      : '';
  const settings = `wal_level ${level}, max_wal_size ${maxText}${kept}`;
  if (!growth || growth.bytes === 0) return good('WAL', `${settings}${off}`);
  const bytes = growth.bytes * WAL_TO_ROWS;
  const perSecond = bytes / Math.max(1, growth.seconds);
  const checkpointMs = ((max / 2) * 1_000) / perSecond;
  const found = `about ${formatBytes(bytes)} will be written, ${formatBytes(perSecond)} a second; ${settings}${off}`;
  if (bytes < max / 2 || checkpointMs > SOON_MS) return good('WAL', found);
  return toLookAt(
    'WAL',
    `${found}: a checkpoint every ${formatDurationMs(checkpointMs)}, which slows everybody down`,
    `alter system set max_wal_size = '${Math.ceil((perSecond * 300) / 1e9)}GB'; select pg_reload_conf();`,
  );
}

async function archiverCheck(client: PoolClient): Promise<Check> {
  const { good, stop } = checksOf('room', 'target');
  const { rows } = await client.query(
    `select current_setting('archive_mode') as mode, last_archived_time, last_failed_wal, last_failed_time::text as failed_at,
            coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) as fails, failed_count
       from pg_stat_archiver`,
  );
  const { mode, fails, last_failed_wal: wal, failed_at: failedAt, failed_count: count } = rows[0];
  if (mode === 'off') return good('archiver', 'archive_mode is off');
  if (!fails)
    return good(
      'archiver',
      `archive_mode is ${mode}, and nothing has failed since the last success`,
    );
  return stop(
    'archiver',
    `cannot archive ${wal} (${formatCount(Number(count))} failures, last at ${failedAt}): WAL stays until the disk is full`,
    `show archive_command;   -- run it by hand on the server, and repair what it says; then: select * from pg_stat_archiver;`,
  );
}

const HELD_BYTES = 1e9;

async function slotChecks(client: PoolClient): Promise<Check[]> {
  const { good, look: toLookAt, stop } = checksOf('room', 'target');
  const { rows } = await client.query(
    `select slot_name as name, active, coalesce(pg_wal_lsn_diff(
              case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, restart_lsn), 0)::float8 as held,
            current_setting('max_slot_wal_keep_size') as bound
       from pg_replication_slots where restart_lsn is not null order by 1`,
  );
  if (rows.length === 0) return [good('replication slots', 'none holds WAL')];
  const words = (slots: typeof rows) =>
    slots
      .map(
        ({ name, active, held }) =>
          `${name} (${active ? 'in use' : 'not in use'}) holds ${formatBytes(held)}`,
      )
      .join(', ');
  const { bound } = rows[0];
  const left = rows.filter(({ active }) => !active);
  const drop = left.map(({ name }) => `select pg_drop_replication_slot('${name}');`).join('\n');
  if (left.length > 0 && bound === '-1')
    return [
      stop(
        'replication slots',
        `${words(left)}: nobody reads it, so that all WAL of the migration stays, without bound`,
        drop,
      ),
    ];
  if (left.length > 0)
    return [
      toLookAt(
        'replication slots',
        `${words(left)}, at most ${bound} (max_slot_wal_keep_size)`,
        drop,
      ),
    ];
  const late = rows.filter(({ held }) => held > HELD_BYTES);
  if (late.length === 0) return [good('replication slots', words(rows))];
  return [
    toLookAt(
      'replication slots',
      `${words(late)}: its reader does not keep up`,
      'select slot_name, active_pid, restart_lsn from pg_replication_slots;',
    ),
  ];
}

async function standbyCheck(client: PoolClient): Promise<Check> {
  const { good, look: toLookAt, stop } = checksOf('room', 'target');
  const { rows } = await client.query(
    `select current_setting('synchronous_standby_names') as names, current_setting('synchronous_commit') as mode,
            count(*)::int as seen, count(sync_state)::int as known,
            count(*) filter (where sync_state in ('sync', 'quorum'))::int as synchronous
       from pg_stat_replication`,
  );
  const { names, mode, seen, known, synchronous } = rows[0];
  const waits = names !== '' && mode !== 'off' && mode !== 'local';
  if (!waits) return good('synchronous standbys', 'no commit waits for a standby');
  const found = `each commit waits for ${names} (synchronous_commit ${mode})`;
  if (synchronous > 0)
    return good('synchronous standbys', `${found}, of which ${synchronous} answer`);
  if (seen > known)
    return toLookAt(
      'synchronous standbys',
      `${found}; this role may not see whether they answer`,
      'grant pg_read_all_stats to current_user;',
    );
  return stop(
    'synchronous standbys',
    `${found}, and none is connected: the first chunk would hang`,
    `alter system set synchronous_standby_names = ''; select pg_reload_conf();   -- or start the standby`,
  );
}
