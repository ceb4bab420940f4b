import type { ConnectionState, Gap } from './sensor.ts';
import type { SessionView } from './sensor-session.ts';
import { formatDurationMs } from './time.ts';

/** What the Temporal UI shows under Current Details: the state in a sentence, what is known of it, and what to do. */
export function sessionDetails(view: SessionView): string {
  return [headline(view), table(rows(view)), ...remarks(view)].join('\n\n');
}

function headline({ sensor, state, since }: SessionView): string {
  const at = instant(since);
  const sentences: Record<ConnectionState, string> = {
    connecting: `**connecting** since ${at}: the first connection is being opened.`,
    connected: '**connected**: the connection is open, and messages come.',
    silent: `**silent** since ${at}: the connection is open and pings are answered, but no message comes.`,
    waiting: `**waiting** since ${at}: there is no connection. It is tried again by itself, after 60 s at the latest.`,
    stopped: `**stopped** by a person at ${at}. \`fairlead sensor start ${sensor}\` begins a new session.`,
  };
  return sentences[state];
}

function rows({ state, connectedSince, reconnects, lastGap, worker }: SessionView) {
  const known: [string, string][] = [
    ['connected since', connectedSince ? instant(connectedSince) : '–'],
    ['reconnects', String(reconnects)],
    ['last gap', lastGap ? gap(lastGap) : '–'],
  ];
  if (isOpen(state))
    known.push(['messages/s, file', 'every second in _Pending Activities_, _Heartbeat Details_']);
  if (worker) known.push(['worker', worker]);
  return known;
}

function remarks({ sensor, state, reason, hint, recordingStopped }: SessionView): string[] {
  const lines: string[] = [];
  if (recordingStopped) lines.push(`**Nothing is being recorded:** ${recordingStopped}`);
  if (state === 'waiting' && reason) lines.push(`**Why it began to wait:** ${reason}`);
  if (hint) lines.push(`**What to do:** ${hint}`);
  if (state === 'waiting')
    lines.push(
      '**By now:** _Pending Activities_ has what the latest attempt met (_Last Failure_), and when the next one comes (_Next Retry_).',
    );
  if (state === 'silent')
    lines.push(
      `**What to do:** look at the server, \`fairlead sensr health --sensor ${sensor}\`. Reconnecting does not help.`,
    );
  if (isOpen(state))
    lines.push(
      'Where _Pending Activities_ says STARTED, a _Last Failure_ there is of an earlier attempt, and past.',
    );
  return lines;
}

const isOpen = (state: ConnectionState): boolean => state === 'connected' || state === 'silent';

/** Where the UI sets no space between columns, and breaks the first one. */
const NO_BREAK_SPACE = '\u00A0';

function table(lines: [string, string][]): string {
  const label = (name: string) => `${name.replaceAll(' ', NO_BREAK_SPACE)}${NO_BREAK_SPACE}`;
  const body = lines.map(([name, value]) => `| ${label(name)}${NO_BREAK_SPACE} | ${value} |`);
  return ['| | |', '|---|---|', ...body].join('\n');
}

/** `2026-11-25 07:00:00 UTC`. */
const instant = (iso: string): string => `${iso.slice(0, 19).replace('T', ' ')} UTC`;

/** `2m 44s, until 2026-11-25 07:00:00 UTC`. */
const gap = ({ from, to }: Gap): string =>
  `${formatDurationMs(Math.max(0, Date.parse(to) - Date.parse(from)))}, until ${instant(to)}`;
