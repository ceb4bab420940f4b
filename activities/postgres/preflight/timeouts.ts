import { escapeIdentifier } from 'pg';
import { checksOf, type Check, type CheckVerdict } from '../../../domain/preflight.ts';
import { formatDurationMs } from '../../../domain/time.ts';
import type { Side } from './look.ts';
import type { SessionSetting, SettingValue } from './session-settings.ts';

interface Rule {
  name: string;
  /** What shorter or other values would do. */
  why: string;
  judge: (ms: number) => CheckVerdict;
  /** What does no harm. */
  wanted: string;
  /** Under `[timing]`: what Fairlead sets it to in its sessions. */
  key?: string;
}

const MINUTE_MS = 60_000;

/** 0 is no limit. */
const atLeast =
  (goodMs: number, stopBelowMs = 0) =>
  (ms: number): CheckVerdict => {
    if (ms === 0 || ms >= goodMs) return 'good';
    return ms < stopBelowMs ? 'stop' : 'look';
  };

/** Of every timeout, what a migration can live with. */
export const timeoutRules: readonly Rule[] = [
  {
    name: 'statement_timeout',
    why: 'chunks that take longer are split',
    judge: atLeast(MINUTE_MS, 5_000),
    wanted: "'1h'",
    key: 'statementTimeout',
  },
  {
    name: 'lock_timeout',
    why: 'a chunk that waits longer for another one is tried again',
    judge: atLeast(1_000),
    wanted: "'10s'",
    key: 'lockTimeout',
  },
  {
    name: 'idle_in_transaction_session_timeout',
    why: "a chunk's transaction is idle while Fairlead computes",
    judge: atLeast(MINUTE_MS, 5_000),
    wanted: "'5min'",
    key: 'idleInTransactionTimeout',
  },
  {
    name: 'transaction_timeout',
    why: 'a chunk is one transaction, and is split when it takes longer',
    judge: atLeast(10 * MINUTE_MS, MINUTE_MS),
    wanted: '0',
  },
  {
    name: 'idle_session_timeout',
    why: 'connections that wait for the next chunk are opened anew each time',
    judge: atLeast(MINUTE_MS),
    wanted: '0',
  },
  {
    name: 'client_connection_check_interval',
    why: 'the query of a worker that died runs on to its end',
    judge: (ms) => (ms > 0 && ms <= MINUTE_MS ? 'good' : 'look'),
    wanted: "'10s'",
  },
  {
    name: 'tcp_user_timeout',
    why: 'the server takes a client that is only slow for a dead one',
    judge: atLeast(5 * MINUTE_MS),
    wanted: '0',
  },
];

/** Every timeout in force in our sessions, and where it comes from. */
export function checkTimeouts(side: Side, settings: ReadonlyMap<string, SessionSetting>): Check[] {
  return timeoutRules.flatMap((rule) => {
    const setting = settings.get(rule.name);
    return setting ? [timeoutCheck(side, rule, setting)] : [];
  });
}

function timeoutCheck({ role, facts }: Side, rule: Rule, setting: SessionSetting): Check {
  const { good, look, stop } = checksOf('sessions', role);
  const found = describeSetting(setting);
  const verdict = rule.judge(setting.inForce.ms);
  if (verdict === 'good') return good(rule.name, found);
  const isOurs = setting.inForce.source === 'session' && rule.key !== undefined;
  const fix = isOurs
    ? `# raise ${rule.key} under [timing] in fairlead.toml`
    : fixOf(setting, facts.user, facts.database, rule.wanted);
  const sentence = `${found}; ${rule.why}`;
  return verdict === 'look' ? look(rule.name, sentence, fix) : stop(rule.name, sentence, fix);
}

/** `1h, set by Fairlead; without it 5s (alter role "reader" set statement_timeout = '5s')`. */
function describeSetting({ inForce, without, statement }: SessionSetting): string {
  const origin = `${formatTimeout(without)} (${statement ?? originOf(without)})`;
  if (inForce.source !== 'session') return origin;
  return `${formatTimeout(inForce)}, set by Fairlead; without it ${origin}`;
}

const formatTimeout = ({ ms }: SettingValue): string => (ms === 0 ? 'off' : formatDurationMs(ms));

const ORIGINS: Record<string, string> = {
  'command line': "the server's command line",
  client: 'options in the URL',
  default: 'the built-in default',
  'environment variable': "the server's environment",
};

const originOf = ({ source, file }: SettingValue): string => file ?? ORIGINS[source] ?? source;

/** A role's setting in one database wins over all others but what the URL itself asks for. */
export function fixOf(
  { name, without }: Pick<SessionSetting, 'name' | 'without'>,
  user: string,
  database: string,
  wanted: string,
): string {
  if (without.source === 'client') return `# take ${name} out of options= in the URL`;
  return `alter role ${escapeIdentifier(user)} in database ${escapeIdentifier(database)} set ${name} = ${wanted};`;
}
