import { escapeIdentifier, type PoolClient } from 'pg';
import { checksOf, type Check } from '../../../domain/preflight.ts';
import { attempt, look, type Deadline, type Side } from './look.ts';
import type { ServerFacts } from './server-facts.ts';

const OLDEST_VERSION = 130_000;
const NEWEST_MAJOR = 18;
/** A chunk is about thirty statements: more than this, and waiting for answers takes longer than the work. */
const FAR_MS = 50;
const CLOCK_MS = 2_000;
const ROUND_TRIPS = 9;

/** Version, distance, clock, and whether it may be written to. */
export async function checkServer(side: Side, deadline: Deadline): Promise<Check[]> {
  return [
    versionCheck(side),
    recoveryCheck(side),
    ...(side.role === 'source' && side.facts.inRecovery
      ? await attempt('servers', side.role, 'standby', () => standbyChecks(side, deadline))
      : []),
    encodingCheck(side),
    ...(await attempt('servers', side.role, 'round trip', () => distanceChecks(side, deadline))),
  ];
}

function versionCheck({ role, facts }: Side): Check {
  const { good, look: toLookAt, stop } = checksOf('servers', role);
  const found = `PostgreSQL ${facts.version}`;
  if (facts.versionNumber < OLDEST_VERSION)
    return stop(
      'version',
      `${found}; Fairlead needs 13 or newer`,
      'https://www.postgresql.org/docs/current/upgrading.html',
    );
  if (Math.floor(facts.versionNumber / 10_000) > NEWEST_MAJOR)
    return toLookAt('version', `${found}; Fairlead was tried with 13 to ${NEWEST_MAJOR}`);
  return good('version', found);
}

function recoveryCheck({ role, facts }: Side): Check {
  const { good, stop } = checksOf('servers', role);
  const isTarget = role === 'target';
  if (facts.inRecovery && isTarget)
    return stop('writable', 'in recovery: a standby takes no writes', urlFix(facts));
  if (facts.isReadOnlyByDefault && isTarget)
    return stop(
      'writable',
      `default_transaction_read_only is on (${facts.readOnlySource}): every write would fail`,
      readOnlyFix(facts),
    );
  if (facts.inRecovery) return good('state', 'in recovery: a standby, which can be read');
  return good(isTarget ? 'writable' : 'state', 'a primary');
}

/**
 * Takes the setting away where it was made, or lets the role's own setting in this database win over it; in a
 * transaction that may write, for whoever types it has the setting as well.
 */
function readOnlyFix({ readOnlySource, readOnlySubject, user, database }: ServerFacts): string {
  const name = 'default_transaction_read_only';
  if (readOnlySource === 'client') return `# take ${name} out of options= in the URL`;
  const change = readOnlySubject
    ? `${readOnlySubject} reset ${name}`
    : `alter role ${escapeIdentifier(user)} in database ${escapeIdentifier(database)} set ${name} = off`;
  return `begin read write; ${change}; commit;`;
}

const urlFix = ({ user, database }: ServerFacts): string =>
  `export FAIRLEAD_TARGET_URL=postgresql://${encodeURIComponent(user)}@PRIMARY:5432/${encodeURIComponent(database)}   # the primary's address`;

/** A standby ends reads that hold back what it has to replay. */
async function standbyChecks({ role, pool }: Side, deadline: Deadline): Promise<Check[]> {
  const { good, look: toLookAt } = checksOf('servers', role);
  return look(pool, deadline, async (client) => {
    const { rows } = await client.query(
      `select current_setting('hot_standby_feedback') = 'on' as feedback,
              current_setting('max_standby_streaming_delay') as delay,
              extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 as behind`,
    );
    const { feedback, delay, behind } = rows[0];
    const lag =
      behind === null ? '' : `; the last change that it replayed is ${Math.round(behind)} s old`;
    if (feedback || delay === '-1') return [good('standby', `lets reads end${lag}`)];
    return [
      toLookAt(
        'standby',
        `ends reads that conflict with the primary after ${delay}, and their chunks are tried again${lag}`,
        'alter system set hot_standby_feedback = on; select pg_reload_conf();   -- on the standby',
      ),
    ];
  });
}

function encodingCheck({ role, facts }: Side): Check {
  const { good, look: toLookAt } = checksOf('servers', role);
  if (facts.encoding === 'UTF8') return good('encoding', 'UTF8');
  return toLookAt(
    'encoding',
    `${facts.encoding}: text with other characters fails its chunk`,
    `create database ${escapeIdentifier(`${facts.database}_utf8`)} encoding 'UTF8' template template0;   -- and load it anew`,
  );
}

async function distanceChecks({ role, pool }: Side, deadline: Deadline): Promise<Check[]> {
  const { good, look: toLookAt } = checksOf('servers', role);
  const { medianMs, offsetMs } = await look(pool, deadline, measure);
  const trip = `${medianMs < 10 ? medianMs.toFixed(1) : Math.round(medianMs)} ms, median of ${ROUND_TRIPS}`;
  const clock =
    Math.abs(offsetMs) < CLOCK_MS / 20
      ? "as this machine's"
      : `${(Math.abs(offsetMs) / 1_000).toFixed(1)} s ${offsetMs < 0 ? 'behind' : 'ahead of'} this machine's`;
  return [
    medianMs <= FAR_MS
      ? good('round trip', trip)
      : toLookAt(
          'round trip',
          `${trip}: far away, so that chunks wait; run the worker nearer to it, or more chunks at once`,
          '[migration]\nwindow = 8',
        ),
    Math.abs(offsetMs) <= CLOCK_MS
      ? good('clock', clock)
      : toLookAt(
          'clock',
          `${clock}, which is the "now" where a migration ends`,
          'timedatectl set-ntp true   # on the machine whose clock is wrong',
        ),
  ];
}

async function measure(client: PoolClient): Promise<{ medianMs: number; offsetMs: number }> {
  const trips: { ms: number; offsetMs: number }[] = [];
  for (let trip = 0; trip < ROUND_TRIPS; trip++) {
    const [startedAt, startedOn] = [performance.now(), Date.now()];
    const { rows } = await client.query(
      'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now',
    );
    const ms = performance.now() - startedAt;
    trips.push({ ms, offsetMs: rows[0].now - (startedOn + ms / 2) });
  }
  const ordered = trips.toSorted((a, b) => a.ms - b.ms);
  return { medianMs: ordered[Math.floor(ROUND_TRIPS / 2)]!.ms, offsetMs: ordered[0]!.offsetMs };
}
