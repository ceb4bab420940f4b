import { formatCount } from '../../domain/format-figures.ts';
import { renderTable } from '../../cli/table.ts';
import { median } from '../measure.ts';
import { faultKinds, type FaultKind } from './chaos-plan.ts';
import type { ComparedCells, CountName } from './compare-cells.ts';
import type { Fleet } from './fleet.ts';
import type { Evidence, ShipEvidence } from './gather-evidence.ts';
import { doneTwice, noProgress, type Commit } from './judge-commits.ts';
import type { ChaosLog, DoneFault } from './run-chaos.ts';

export interface ChaosFacts {
  seed: number;
  minutes: number;
  timers: 'tenth' | 'real';
  leftOut: { kind: FaultKind; why: string }[];
  log: ChaosLog;
  evidence: Evidence;
  fleet: Fleet;
  endedByItself: string[];
}

export interface KindFigures {
  count: number;
  /** Of them, such that found nothing to disturb. */
  metNothing: number;
  /** From a fault's end to the next commit of any chunk. */
  toNextCommit: { medianSeconds: number; maxSeconds: number };
  /** From a fault's end until each chunk that was in flight when it began was settled. */
  toSettled: { medianSeconds: number; maxSeconds: number };
}

export interface ChaosReport {
  seed: number;
  minutes: number;
  timers: 'tenth' | 'real';
  seconds: number;
  faults: number;
  byKind: Partial<Record<FaultKind, KindFigures>>;
  leftOut: ChaosFacts['leftOut'];
  fleet: {
    ships: number;
    rounds: number;
    redone: number;
    commits: number;
    splits: number;
    commands: number;
  };
  cells: ComparedCells;
  committedTwice: number;
  noProgress: { longestSeconds: number; longestWithoutFaultSeconds: number };
  workers: { lives: number; mostRssMiB: number };
  /** What is not as promised, in sentences. */
  wrong: string[];
  verdict: 'passed' | 'failed';
}

/** A worker takes below 384 MiB with four chunks in flight, says docs/operate.md. */
const MOST_RSS_MIB = 384;

export function reportChaos(facts: ChaosFacts): ChaosReport {
  const { log, evidence, fleet } = facts;
  const { commits } = evidence.changes;
  const progress = noProgress(
    commits.map(({ atMs }) => atMs),
    log.faults,
  );
  const twice = doneTwice(commits, evidence.migrations.redos);
  const wrong = [...wrongs(facts), ...twice.slice(0, 5).map(sentenceOfTwice)];
  const { seed, minutes, timers, leftOut } = facts;
  return {
    seed,
    minutes,
    timers,
    seconds: rounded((log.endedAtMs - log.startedAtMs) / 1_000),
    faults: log.faults.length,
    byKind: figuresByKind(log.faults, evidence),
    leftOut,
    fleet: {
      ships: fleet.ships.length,
      rounds: fleet.rounds.length,
      redone: fleet.rounds.filter(({ redo }) => redo).length,
      commits: commits.length,
      splits: evidence.changes.splits,
      commands: fleet.rounds.reduce((sum, { commands }) => sum + commands, 0),
    },
    cells: sumCells(evidence.ships),
    committedTwice: twice.length,
    noProgress: {
      longestSeconds: rounded(progress.longestMs / 1_000),
      longestWithoutFaultSeconds: rounded(progress.longestQuietMs / 1_000),
    },
    workers: { lives: log.workerLives, mostRssMiB: Math.round(log.mostRssMiB) },
    wrong,
    verdict: wrong.length === 0 ? 'passed' : 'failed',
  };
}

function wrongs({ log, evidence, fleet, endedByItself }: ChaosFacts): string[] {
  return [
    ...(log.unfinished ? [log.unfinished] : []),
    ...evidence.ships.flatMap(wrongsOfShip),
    ...wrongsOfVerify(evidence),
    ...evidence.orphans.map((who) => `left at work: ${who}`),
    ...evidence.left.map((who) => `left by a worker that ended: ${who}`),
    ...(log.mostRssMiB > MOST_RSS_MIB
      ? [`a worker held ${Math.round(log.mostRssMiB)} MiB, more than ${MOST_RSS_MIB}`]
      : []),
    ...fleet.complaints,
    ...endedByItself,
  ];
}

function wrongsOfShip({ ship, cells, ledger }: ShipEvidence): string[] {
  const bad: CountName[] = ['lost', 'different', 'doubled', 'foreign', 'wrongRows'];
  const sums = `${ledger.read} read = ${ledger.written} written + ${ledger.nulls} nulls + ${ledger.quarantined} quarantined`;
  const isBooked =
    ledger.read === cells.source && ledger.written === cells.equal && ledger.nulls === cells.nulls;
  const found = cells.equal + cells.nulls;
  return [
    ...bad.filter((name) => cells[name] > 0).map((name) => `${ship}: ${cells[name]} ${name}`),
    ...(isBooked ? [] : [`${ship}: the ledger says ${sums}; in fact ${cells.source} and ${found}`]),
    ...(ledger.running > 0 ? [`${ship}: ${ledger.running} chunks are left running`] : []),
    ...(ledger.failed > 0 ? [`${ship}: ${ledger.failed} chunks are failed`] : []),
    ...(ledger.holeSeconds > 0 ? [`${ship}: no proof of ${ledger.holeSeconds} s`] : []),
    ...(ledger.overlapSeconds > 0 ? [`${ship}: two proofs of ${ledger.overlapSeconds} s`] : []),
  ];
}

function wrongsOfVerify({ ships, verified }: Evidence): string[] {
  if (verified.exitCode !== 0) return [`verify ended with ${verified.exitCode}: ${verified.said}`];
  return ships.flatMap(({ ship, cells }) => {
    const report = verified.reports.find((one) => one.ship === ship);
    if (report?.cells.source === cells.source && report.cells.matched === cells.source) return [];
    return [
      `verify ${ship} matched ${report?.cells.matched} of ${report?.cells.source}; in fact there are ${cells.source} cells`,
    ];
  });
}

const sentenceOfTwice = ({ first, again }: { first: Commit; again: Commit }): string =>
  `${again.ship} ${new Date(again.fromMs).toISOString()}: committed at ${new Date(first.atMs).toISOString()} and again at ${new Date(again.atMs).toISOString()}`;

function figuresByKind(
  faults: readonly DoneFault[],
  { changes, migrations }: Evidence,
): ChaosReport['byKind'] {
  const byKind: ChaosReport['byKind'] = {};
  // A chunk that a cancel took out of flight waits for the next migration, and for nothing that recovers.
  const attempts = changes.attempts.filter(
    ({ ship, claimedAtMs, settledAtMs = Infinity }) =>
      !migrations.cancels.some(
        (cancel) =>
          cancel.ship === ship && cancel.atMs >= claimedAtMs && cancel.atMs <= settledAtMs,
      ),
  );
  for (const kind of faultKinds) {
    const all = faults.filter((fault) => fault.kind === kind);
    if (all.length === 0) continue;
    const met = all.filter((fault) => fault.met);
    byKind[kind] = {
      count: all.length,
      metNothing: all.length - met.length,
      toNextCommit: spread(met.flatMap(({ toMs }) => nextCommitMs(toMs, changes.commits))),
      toSettled: spread(met.flatMap((fault) => settledMs(fault, attempts))),
    };
  }
  return byKind;
}

function nextCommitMs(afterMs: number, commits: readonly Commit[]): number[] {
  const next = commits.find(({ atMs }) => atMs >= afterMs);
  return next ? [next.atMs - afterMs] : [];
}

function settledMs(
  { fromMs, toMs }: DoneFault,
  attempts: Evidence['changes']['attempts'],
): number[] {
  return attempts.flatMap(({ claimedAtMs, settledAtMs }) =>
    settledAtMs !== undefined && claimedAtMs <= fromMs && settledAtMs > fromMs
      ? [Math.max(0, settledAtMs - toMs)]
      : [],
  );
}

function spread(ms: readonly number[]): KindFigures['toSettled'] {
  if (ms.length === 0) return { medianSeconds: 0, maxSeconds: 0 };
  return {
    medianSeconds: rounded(median(ms) / 1_000),
    maxSeconds: rounded(Math.max(...ms) / 1_000),
  };
}

const rounded = (value: number): number => Math.round(value * 10) / 10;

function sumCells(ships: readonly ShipEvidence[]): ComparedCells {
  const names: CountName[] = [
    'source',
    'equal',
    'nulls',
    'lost',
    'different',
    'doubled',
    'foreign',
    'wrongRows',
  ];
  const sumOf = (name: CountName) => ships.reduce((sum, { cells }) => sum + cells[name], 0);
  return Object.fromEntries(names.map((name) => [name, sumOf(name)])) as unknown as ComparedCells;
}

/** For people. */
export function tableOf(report: ChaosReport): string {
  const titles = [
    'times',
    'met nothing',
    'to a commit: median',
    'most',
    'hit chunks: median',
    'most',
  ];
  const kinds = Object.entries(report.byKind).map(
    ([kind, { count, metNothing, toNextCommit, toSettled }]) => [
      kind,
      count,
      metNothing,
      ...[toNextCommit, toSettled].flatMap(({ medianSeconds, maxSeconds }) => [
        inSeconds(medianSeconds),
        inSeconds(maxSeconds),
      ]),
    ],
  );
  const columns = titles.map((title) => ({ title, align: 'right' }) as const);
  return [
    renderTable([{ title: 'fault' }, ...columns], kinds, Number.POSITIVE_INFINITY),
    '',
    renderTable([{ title: 'what' }, { title: 'seen' }], sumsOf(report), Number.POSITIVE_INFINITY),
    ...report.wrong.map((fault) => `  ${fault}`),
  ].join('\n');
}

const inSeconds = (seconds: number): string => `${seconds.toFixed(1)} s`;

function sumsOf(report: ChaosReport): string[][] {
  const { cells, fleet, noProgress: idle, workers } = report;
  const counts = (...numbers: number[]) => numbers.map(formatCount).join(', ');
  return [
    ['seed, minutes, timers', `${report.seed}, ${report.minutes}, ${report.timers}`],
    [
      'migrations',
      `${fleet.rounds} of ${fleet.ships} ships, ${fleet.redone} of them --redo; ${fleet.commands} commands`,
    ],
    ['chunks committed, split', counts(fleet.commits, fleet.splits)],
    ['cells in the source, equal, NULL', counts(cells.source, cells.equal, cells.nulls)],
    ['cells lost, different', counts(cells.lost, cells.different)],
    ['cells doubled, foreign', counts(cells.doubled, cells.foreign)],
    ['committed chunks done twice', counts(report.committedTwice)],
    [
      'no progress for at most',
      `${inSeconds(idle.longestSeconds)}; with no fault in force ${inSeconds(idle.longestWithoutFaultSeconds)}`,
    ],
    ['workers', `${workers.lives} lives, ${workers.mostRssMiB} MiB at most`],
    ...report.leftOut.map(({ kind, why }) => [`left out: ${kind}`, why]),
    ['verdict', report.verdict],
  ];
}
