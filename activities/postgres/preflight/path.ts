import { escapeIdentifier } from 'pg';
import { settingsOf, withConnection } from '../connection.ts';
import type { SettingOutcome } from '../session-settings.ts';
import { checksOf, type Check } from '../../../domain/preflight.ts';
import { askedOf } from '../open-pool.ts';
import { encryptionCheck } from './encryption.ts';
import { PREFLIGHT, attempt, type Deadline, type Side } from './look.ts';
import type { SessionSetting } from './session-settings.ts';

/** What is between us and the server, and how soon it notices that we are gone. */
export async function checkPath(
  side: Side,
  settings: ReadonlyMap<string, SessionSetting>,
  deadline: Deadline,
): Promise<Check[]> {
  return [
    ...(await attempt('sessions', side.role, 'path', () => pathChecks(side, deadline))),
    ...encryptionChecks(side),
    ...keepaliveChecks(side, settings, settingsOf(side.pool)),
    ...acceptedChecks(side, settingsOf(side.pool)),
  ];
}

const encryptionChecks = (side: Side): Check[] => {
  const asked = askedOf(side.pool);
  return asked ? [encryptionCheck(side, asked.tls, asked.server)] : [];
};

async function pathChecks(side: Side, deadline: Deadline): Promise<Check[]> {
  const { role, facts } = side;
  const { good, look, stop } = checksOf('sessions', role);
  if (!facts.isPooled) return [good('path', describePath(side))];
  const { user, database, serverAddress, serverPort } = facts;
  const variable = `FAIRLEAD_${role.toUpperCase()}_URL`;
  const fix = `export ${variable}=postgresql://${encodeURIComponent(user)}@${hostOf(serverAddress)}:${serverPort ?? 5432}/${encodeURIComponent(database)}   # PostgreSQL itself`;
  if (await sharesServers(side, deadline))
    return [
      stop(
        'path',
        'a pooler is in between, and gives the server to others between transactions: settings, names and timeouts of a session are lost',
        fix,
      ),
    ];
  return [
    look(
      'path',
      'a pooler is in between (PgBouncer?): what its own timeouts are cannot be seen from here, and it must pool by session',
      fix,
    ),
  ];
}

const hostOf = (address = 'localhost'): string =>
  address.includes(':') ? `[${address}]` : address;

function describePath({ facts }: Side): string {
  if (facts.isUnixSocket) return 'direct, by a unix socket';
  const encrypted = facts.encrypted ?? 'not encrypted';
  if (facts.isTranslated)
    return `TCP, ${encrypted}, through NAT or a proxy, which the keepalive keeps open`;
  return `direct, by TCP, ${encrypted}`;
}

/** A pooler with several servers at hand may give each client the one that it had before. */
const LOOKS_FOR_POOLER = 5;

/** Between transactions of one client the server works for another one: pooling by transaction or statement. */
async function sharesServers({ pool }: Side, deadline: Deadline): Promise<boolean> {
  const signal = AbortSignal.timeout(deadline.share(2_000));
  const use = { ...PREFLIGHT, signal };
  const pid = 'select pg_backend_pid() as pid';
  return withConnection(pool, use, (one) =>
    withConnection(pool, use, async (other) => {
      for (let look = 0; look < LOOKS_FOR_POOLER; look++) {
        const { rows: before } = await one.query(pid);
        await other.query('begin read only');
        const { rows: ofOther } = await other.query(pid);
        const { rows: after } = await one.query(pid);
        await other.query('commit');
        if (ofOther[0].pid === before[0].pid || after[0].pid !== before[0].pid) return true;
      }
      return false;
    }),
  );
}

const KEEPALIVES = ['tcp_keepalives_idle', 'tcp_keepalives_interval', 'tcp_keepalives_count'];
/** Without Fairlead's own: a server that notices within so long keeps no locks for long. */
const SOON_ENOUGH_SECONDS = 120;

/**
 * How soon the server notices that we are gone; it reads the figures from its end of the socket.
 *
 * @param outcomes what Fairlead asked of its sessions, and what became of it
 */
export function keepaliveChecks(
  { role, facts }: Pick<Side, 'role' | 'facts'>,
  settings: ReadonlyMap<string, SessionSetting>,
  outcomes: readonly SettingOutcome[],
): Check[] {
  const { good, look } = checksOf('sessions', role);
  if (facts.isUnixSocket && !facts.isPooled) return [good('keepalive', 'a unix socket needs none')];
  const values = (of: 'inForce' | 'without') =>
    KEEPALIVES.map((name) => Number(settings.get(name)?.[of].text));
  const [idle = 0, interval = 0, count = 0] = values('inForce');
  const found = `${describeKeepalive(values('inForce'))}; without Fairlead ${describeKeepalive(values('without'))}`;
  const refused = outcomes.filter(({ name, accepted }) => KEEPALIVES.includes(name) && !accepted);
  const seconds = idle + interval * count;
  if (refused.length === 0 || (seconds > 0 && seconds <= SOON_ENOUGH_SECONDS))
    return [good('keepalive', found)];
  const subject = `alter role ${escapeIdentifier(facts.user)} in database ${escapeIdentifier(facts.database)}`;
  const fix = refused.map(({ name, asked }) => `${subject} set ${name} = ${asked};`).join('\n');
  return [
    look(
      'keepalive',
      `${found}; the server did not accept ours, and holds the locks of a worker that is gone for ${seconds} s`,
      fix,
    ),
  ];
}

const describeKeepalive = ([idle, interval, count]: number[]): string =>
  `after ${idle} s, every ${interval} s, ${count} times`;

/** What Fairlead asks of every session, and what the server made of it. */
export function acceptedChecks(
  { role }: Pick<Side, 'role'>,
  outcomes: readonly SettingOutcome[],
): Check[] {
  const { good, look } = checksOf('sessions', role);
  const refused = outcomes.filter(({ accepted }) => !accepted);
  const unknown = refused.filter(({ found }) => found === undefined).map(({ name }) => name);
  const others = refused.filter(({ found }) => found !== undefined);
  const lacks = unknown.length > 0 ? `; this version has no ${unknown.join(', ')}` : '';
  if (others.length === 0) {
    const count = outcomes.length - unknown.length;
    return [good('settings', `all ${count} that Fairlead asks for were accepted${lacks}`)];
  }
  const words = others.map(
    ({ name, asked, found, refusal }) =>
      `${name} is ${found} instead of ${asked}${refusal === undefined ? '' : ` (${refusal})`}`,
  );
  return [
    look(
      'settings',
      `the server did not accept ${words.join(', ')}${lacks}`,
      others.map(({ name }) => `show ${name};`).join('\n'),
    ),
  ];
}
