import { formatNoun } from './format-figures.ts';
import {
  KEEPALIVE_INTERVAL_SECONDS,
  KEEPALIVE_PROBES,
  KEEPALIVE_TIME_SECONDS,
  type KeepaliveTimer,
} from './kernel-timers.ts';
import type {
  Judgement,
  KeepaliveFit,
  LimitFit,
  RetransmissionFit,
  TimeoutCause,
} from './timeout-verdicts.ts';

/** A piece of a report: prose, a list, or a table of figures. */
export type Block =
  | { kind: 'prose'; text: string }
  | { kind: 'list'; items: string[] }
  | { kind: 'table'; caption: string; titles: string[]; rows: string[][] };

/** What a cause is, why it is the one, and what to do. */
export interface Explanation {
  cause: TimeoutCause;
  count: number;
  /** One line: the verdict. */
  title: string;
  blocks: Block[];
}

export const causeNames: Record<TimeoutCause, string> = {
  'tcp-keepalive': 'TCP keepalive',
  'tcp-retransmission': 'TCP retransmission',
  'statement-timeout': 'statement timeout',
  unknown: 'unknown',
};

const prose = (text: string): Block => ({ kind: 'prose', text });

/** `8,162.56`: at most three decimals. */
export const formatSeconds = (seconds: number): string =>
  (Math.round(seconds * 1_000) / 1_000).toLocaleString('en-US', { maximumFractionDigits: 3 });

const span = (window: { fromSeconds: number; toSeconds: number }): string =>
  `${formatSeconds(window.fromSeconds)} to ${formatSeconds(window.toSeconds)} s`;

const chance = (n: number): string => (n < 0.005 ? 'none' : n.toFixed(n < 0.095 ? 2 : 1));

/** A word on each cause that was found, the most instructive first. */
export function explainVerdicts(judgement: Judgement, failures: number): Explanation[] {
  const { counts } = judgement;
  const all = [
    { cause: 'tcp-keepalive', ...explainKeepalive(judgement, failures) },
    { cause: 'tcp-retransmission', ...explainRetransmission(judgement, failures) },
    { cause: 'statement-timeout', ...explainStatementTimeout(judgement, failures) },
    { cause: 'unknown', ...explainUnknown(judgement, failures) },
  ] as const;
  return all
    .filter(({ cause }) => counts[cause] > 0)
    .map((each) => ({ ...each, count: counts[each.cause] }));
}

type Words = Pick<Explanation, 'title' | 'blocks'>;

const share = (n: number, failures: number): string =>
  `${n.toLocaleString('en-US')} of ${formatNoun(failures, 'failure')}`;

function explainKeepalive({ keepalive, counts, hzIsOpen }: Judgement, failures: number): Words {
  const chosen = keepalive.filter(({ isChosen }) => isChosen);
  const [best] = chosen;
  if (!best) return { title: '', blocks: [] };
  return {
    title: `${share(counts['tcp-keepalive'], failures)}: TCP keepalive of the client. It was no server timeout.`,
    blocks: [
      prose(
        'The other end of the connection had gone without a word: a failover, a firewall, a network path. The client ' +
          'waited for rows in silence, until its own kernel gave the connection up. Linux does that after ' +
          `${KEEPALIVE_TIME_SECONDS} s of silence and ${KEEPALIVE_PROBES} probes ${KEEPALIVE_INTERVAL_SECONDS} s apart; ` +
          'its timer wheel rounds both up.',
      ),
      ...chosen.map(({ timer }) => arithmetic(timer)),
      hzTable(keepalive, counts['tcp-keepalive']),
      prose(chanceWords(chosen)),
      prose(hzIsOpen ? OPEN_HZ : `So the clients ran on a kernel with ${hzsOf(chosen)}.`),
      { kind: 'list', items: whyNoServerTimeout(best) },
    ],
  };
}

/** Why it is more than chance. */
const chanceWords = (chosen: readonly KeepaliveFit[]): string =>
  `Failures without this cause, spread as evenly as the others are, would put ${chance(sumOf(chosen))} there.`;

const sumOf = (fits: readonly KeepaliveFit[]): number =>
  fits.reduce((sum, { byChance }) => sum + byChance, 0);

const OPEN_HZ =
  'These are too few to tell which kernel it was; `getconf CLK_TCK` does not tell it either, ' +
  '`grep CONFIG_HZ= /boot/config-$(uname -r)` on the client does.';

const hzsOf = (fits: readonly KeepaliveFit[]): string =>
  fits.map(({ timer }) => `HZ=${timer.hz}`).join(' and ');

function arithmetic(timer: KeepaliveTimer): Block {
  const { hz, stepSeconds, intervalSeconds, intervalStepSeconds, probingSeconds } = timer;
  const step = (seconds: number) =>
    `8^${Math.round(Math.log(seconds * hz) / Math.log(8))} / HZ = ${formatSeconds(seconds)} s`;
  const [first, last] = [KEEPALIVE_TIME_SECONDS, KEEPALIVE_TIME_SECONDS + stepSeconds];
  return {
    kind: 'table',
    caption: `The arithmetic at HZ=${hz}: each timer is rounded up to a multiple of a power of eight jiffies`,
    titles: ['setting', 'default', 'rounded up to', 'becomes'],
    rows: [
      [
        'tcp_keepalive_time',
        `${KEEPALIVE_TIME_SECONDS} s`,
        step(stepSeconds),
        `${formatSeconds(first)} to ${formatSeconds(last)} s`,
      ],
      [
        'tcp_keepalive_intvl',
        `${KEEPALIVE_INTERVAL_SECONDS} s`,
        step(intervalStepSeconds),
        `${Math.round(intervalSeconds / intervalStepSeconds)} × ${formatSeconds(intervalStepSeconds)} = ${formatSeconds(intervalSeconds)} s`,
      ],
      [
        'tcp_keepalive_probes',
        String(KEEPALIVE_PROBES),
        '',
        `${KEEPALIVE_PROBES} × ${formatSeconds(intervalSeconds)} = ${formatSeconds(probingSeconds)} s`,
      ],
      ['all three', '7875 s', '', span(timer)],
      ['opened after one', '', '', repeatedWords(timer)],
    ],
  };
}

const repeatedWords = ({ repeatedSteps, stepSeconds, repeatedSeconds }: KeepaliveTimer): string =>
  `${repeatedSteps} × ${formatSeconds(stepSeconds)} = ${formatSeconds(repeatedSeconds)} s`;

function hzTable(keepalive: readonly KeepaliveFit[], explained: number): Block {
  return {
    kind: 'table',
    caption:
      `Which kernel: the window of each HZ and how many of the ${explained.toLocaleString('en-US')} lie in it; ` +
      'how long a connection lasts that is opened right after the end of one like it, and how many lasted so long',
    titles: ['HZ', 'window', 'in it', 'after one', 'so long', 'verdict'],
    rows: keepalive.map((fit) => [
      String(fit.timer.hz),
      span(fit),
      fit.count.toLocaleString('en-US'),
      `${formatSeconds(fit.timer.repeatedSeconds)} s`,
      fit.repeated.toLocaleString('en-US'),
      verdictOn(fit, explained),
    ]),
  };
}

function verdictOn(fit: KeepaliveFit, explained: number): string {
  if (fit.isChosen) return 'fits best';
  if (fit.count === 0) return 'fits none';
  return fit.count < explained ? 'leaves some out' : 'fits less closely';
}

function whyNoServerTimeout({ timer, repeated }: KeepaliveFit): string[] {
  return [
    `A timeout of the server ends every query after the same round time. These lie all over one step of the client's timer wheel, ${formatSeconds(timer.stepSeconds)} s, and keep to its edges.`,
    ...(repeated > 0 ? [repeatedProof(timer, repeated)] : []),
    'Keepalive counts only while nothing arrives at all. So the other end had been gone for two hours when the error was logged: the two hours are how long it took to notice, not how long the query may run.',
    'Raising statement_timeout could not have helped, and cannot.',
  ];
}

const repeatedProof = (timer: KeepaliveTimer, repeated: number): string =>
  `${formatNoun(repeated, 'failure')} took ${formatSeconds(timer.repeatedSeconds)} s to the hundredth: ${repeatedWords(timer)}, whole steps of that wheel, which is what a connection lasts that is opened right after the end of one before it. No setting of a server has such a value.`;

function explainRetransmission(judgement: Judgement, failures: number): Words {
  const { counts, retransmission } = judgement;
  const chosen = retransmission.filter(({ isChosen }) => isChosen);
  return {
    title: `${share(counts['tcp-retransmission'], failures)}: TCP retransmission of the client. It was no server timeout.`,
    blocks: [
      prose(
        'Here the path was dead already when something was written into it. Written data that are not acknowledged keep ' +
          'keepalive silent: the kernel sends them again after 0.2, 0.4, 0.8 … 102.4 s, then every 120 s, and gives up ' +
          'with the first timer after tcp_retries2 = 15 is over: 1023 × 0.2 s + 6 × 120 s = 924.6 s. The timer wheel ' +
          'makes each step longer, and a longer round trip too.',
      ),
      {
        kind: 'table',
        caption: 'When that is',
        titles: ['HZ', 'round trip to 5 ms', 'to 50 ms', 'failures there', 'by chance'],
        rows: chosen.map(retransmissionRow),
      },
    ],
  };
}

const retransmissionRow = ({ timer, count: there, byChance }: RetransmissionFit): string[] => [
  String(timer.hz),
  span(timer.near),
  span(timer.far),
  there.toLocaleString('en-US'),
  chance(byChance),
];

function explainStatementTimeout(judgement: Judgement, failures: number): Words {
  const { counts, limits, toldByServer } = judgement;
  const blocks: Block[] = [];
  if (toldByServer > 0)
    blocks.push(
      prose(
        `In ${formatNoun(toldByServer, 'case')} the server's own words say so: statement timeout.`,
      ),
    );
  if (limits.length > 0) blocks.push(limitTable(limits), prose(LIMIT_WORDS));
  return {
    title: `${share(counts['statement-timeout'], failures)}: a statement timeout. Here a limit did end the query.`,
    blocks: [...blocks, prose(LIMIT_ADVICE)],
  };
}

function limitTable(limits: readonly LimitFit[]): Block {
  return {
    kind: 'table',
    caption: 'Round limits, and the failures just above them',
    titles: ['limit', 'counts as just above', 'failures there', 'by chance', 'late by (median)'],
    rows: limits.map((fit) => [
      `${formatSeconds(fit.limitSeconds)} s`,
      span(fit),
      fit.count.toLocaleString('en-US'),
      chance(fit.byChance),
      `${formatSeconds(fit.medianExcessSeconds)} s`,
    ]),
  };
}

const LIMIT_WORDS =
  'A timer of the server starts with the statement and ends it at the round value; what comes on top is the way to the ' +
  "client, and a server that looks up from its work a little later. The kernel's TCP timers lie elsewhere: none ends " +
  'at a round value. That it was statement_timeout, and not some other limit of the same length (of a pooler, a ' +
  'balancer, the client), durations cannot tell.';

const LIMIT_ADVICE =
  'See what is in force, and where it comes from: select setting, unit, source, sourcefile from pg_settings where name = ' +
  "'statement_timeout'. Fairlead sets its own for each of its sessions (statementTimeout), and splits a chunk that runs " +
  'into it in two.';

function explainUnknown(judgement: Judgement, failures: number): Words {
  const { counts, answeredByServer, betweenProbes } = judgement;
  const blocks = [
    prose(
      'The durations alone do not say why: they lie neither where the TCP timers of Linux put them nor just above a ' +
        'round limit, or they are no more than chance would put there.',
    ),
  ];
  if (answeredByServer > 0)
    blocks.push(
      prose(
        `In ${formatNoun(answeredByServer, 'case')} the server spoke itself, so the connection lived: the error says what it was.`,
      ),
    );
  if (betweenProbes > 0)
    blocks.push(
      prose(
        `${formatNoun(betweenProbes, 'failure')} ended between the first keepalive probe (7200 s) and the last. A peer that has ` +
          'restarted answers such a probe with a reset, which would fit; it is no proof.',
      ),
    );
  return {
    title: `${share(counts.unknown, failures)}: nothing can be said.`,
    blocks,
  };
}

/** What to do about failures of these causes, and what Fairlead does. */
export function adviceOn({ counts }: Judgement): string[] {
  const isDeadPeer = counts['tcp-keepalive'] + counts['tcp-retransmission'] > 0;
  return isDeadPeer ? DEAD_PEER_ADVICE : [];
}

const DEAD_PEER_ADVICE = [
  'In a client of your own: keepalives_idle=30 keepalives_interval=10 keepalives_count=5 notices within 80 s while it waits, tcp_user_timeout=80000 (ms) after it has written. Never send a ROLLBACK on a broken connection: its error replaces the real one.',
  'Look at a connection that waits: ss -tno shows timer:(keepalive,…); two hours there mean the defaults.',
  'Fairlead sets both on every connection and notices a dead peer within 80 s, keeps the first error, tries the chunk of two hours again on a new connection, and splits one that runs into a timeout. What was committed is never done again.',
];
