import { formatCount } from '../domain/format-figures.ts';
import { exitCodeOfKind } from '../domain/errors.ts';
import { sentenceOfDifference, type VerifyReport } from '../domain/verification.ts';
import { note, type CommonOptions, type Outcome } from './command.ts';
import { worstOf } from './migrate-ships.ts';
import type { RepairedShip } from './repair-ships.ts';
import { renderTable } from './table.ts';
import type { WatchedVerification } from './watch-verification.ts';
import { shellWord, shellWords } from '../domain/shell-word.ts';

const TITLES = ['source', 'matched', 'missing', 'different', 'extra', 'quarantined'] as const;

/** What `verify` says in the end. */
export function outcomeOfVerify(
  reports: readonly VerifyReport[],
  { json }: CommonOptions,
): Outcome {
  const sentences = reports.flatMap((report) => [
    ...differencesOf(report),
    ...(wrongCells(report) > 0 ? [repairSentence(report)] : []),
  ]);
  if (json) for (const sentence of sentences) note(sentence);
  return {
    json: { ships: reports.map(jsonOf) },
    text: [tableOf(reports.map((report) => ['', report])), ...sentences].join('\n'),
    exitCode: reports.some((report) => wrongCells(report) > 0) ? 4 : 0,
  };
}

/**
 * What `verify` says where it did not come to the end of each ship. Who asked whether both sides are equal does not get
 * exit code 0 of a comparison that was cancelled.
 */
export function outcomeOfUnfinished(
  ships: readonly string[],
  watched: readonly WatchedVerification[],
  options: CommonOptions,
): Outcome {
  const those = (end: 'cancelled' | 'detached') => ships.filter((_, at) => watched[at] === end);
  const [cancelled, detached] = [those('cancelled'), those('detached')];
  for (const ship of cancelled)
    note(`${ship}: the verification was cancelled, and says nothing; the same command begins anew`);
  if (detached.length > 0)
    note(
      `detached; the verification goes on. To see it: fairlead status ${shellWords(detached)}, or the same command; to end it: fairlead cancel ${shellWords(detached)}`,
    );
  const found = watched.filter((one) => typeof one === 'object');
  const outcome = outcomeOfVerify(found, options);
  return cancelled.length > 0 ? { ...outcome, exitCode: 4 } : outcome;
}

/** What `verify --repair` says in the end: the figures before and after, and what is still wrong. */
export function outcomeOfRepair(ships: readonly RepairedShip[]): Outcome {
  const rows = ships.flatMap(({ before, after }): [string, VerifyReport][] => [
    ['before', before],
    ...(after ? ([[`after, ${rangesOf(before)}`, after]] as [string, VerifyReport][]) : []),
  ]);
  for (const sentence of ships.flatMap(sentencesOnRepair)) note(sentence);
  return {
    json: { ships: ships.map(jsonOfRepair) },
    text: tableOf(rows),
    exitCode: worstOf(ships.map(exitCodeOf)),
  };
}

const wrongCells = ({ cells }: VerifyReport): number =>
  cells.missing + cells.different + cells.extra;

const rangesOf = ({ differing }: VerifyReport): string =>
  differing.length === 1 ? '1 range' : `${differing.length} ranges`;

const jsonOf = ({ ship, from, to, cells }: VerifyReport) => ({ ship, from, to, cells });

function jsonOfRepair({ before, repaired, after }: RepairedShip) {
  if (!repaired) return jsonOf(before);
  const chunks = repaired.end === 'finished' ? repaired.report.chunks : null;
  const ranges = before.differing;
  return { ...jsonOf(before), repair: { ranges, chunks, cells: after?.cells ?? null } };
}

/** The first ones as sentences, and how many more there are. */
function differencesOf(report: VerifyReport): string[] {
  const { ship, differences } = report;
  const more = wrongCells(report) - differences.length;
  return [
    ...differences.map((difference) => sentenceOfDifference(ship, difference)),
    ...(more > 0 && differences.length > 0 ? [`and ${formatCount(more)} more`] : []),
  ];
}

const repairSentence = ({ ship, from, to }: VerifyReport): string =>
  `to copy what differs again: fairlead verify ${shellWord(ship)} --from ${from} --to ${to} --repair`;

function sentencesOnRepair({ before, repaired, after }: RepairedShip): string[] {
  const { ship } = before;
  if (!repaired) return [`${ship}: nothing differs, there is nothing to repair`];
  if (repaired.end === 'detached')
    return [
      `detached; the repair of ${ship} goes on. To see what it made of it: fairlead verify ${shellWord(ship)}`,
    ];
  const { end } = repaired;
  const failed = end === 'finished' ? repaired.report.chunks.failed : 0;
  return [
    ...(end === 'failed' ? [`${repaired.error.message} → ${repaired.error.hint ?? ''}`] : []),
    ...(end === 'cancelled' ? [`${ship}: the repair was cancelled`] : []),
    ...(failed > 0 ? [failedSentence(ship, failed)] : []),
    ...(after ? differencesOf(after) : []),
    ...(after && after.cells.extra > 0 ? [extraSentence(ship)] : []),
    ...(after && wrongCells(after) === 0 ? [`${ship}: repaired, ${rangesOf(before)}`] : []),
  ];
}

const failedSentence = (ship: string, failed: number): string =>
  `${ship}: ${failed === 1 ? '1 chunk' : `${failed} chunks`} failed again; why: fairlead failed ${shellWord(ship)}`;

const extraSentence = (ship: string): string =>
  `${ship}: what is only in the target of channels that the source has no cell of in that chunk is taken for another writer's, and stays`;

function exitCodeOf({ before, repaired, after }: RepairedShip): number {
  if (!repaired) return wrongCells(before) > 0 ? 4 : 0;
  if (repaired.end === 'failed') return exitCodeOfKind[repaired.error.kind];
  if (!after) return 75;
  return wrongCells(after) > 0 ? 4 : 0;
}

function tableOf(rows: readonly [string, VerifyReport][]): string {
  const hasStages = rows.some(([stage]) => stage !== '');
  return renderTable(
    [
      { title: 'ship' },
      ...(hasStages ? [{ title: 'figures' }] : []),
      { title: 'from' },
      { title: 'to' },
      ...TITLES.map((title) => ({ title, align: 'right' }) as const),
    ],
    rows.map(([stage, { ship, from, to, cells }]) => [
      ship,
      ...(hasStages ? [stage] : []),
      from,
      to,
      ...TITLES.map((title) => formatCount(cells[title])),
    ]),
  );
}
