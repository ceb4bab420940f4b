import { spanOf } from '../domain/migration-progress.ts';
import type { VerifyReport } from '../domain/verification.ts';
import type { Configuration } from '../workers/configuration.ts';
import { compareShips } from './compare-ships.ts';
import { reprocessShips } from './reprocess.ts';
import type { Watched } from './watch-migration.ts';

/** What a verification found of a ship, and what its repair made of it. */
export interface RepairedShip {
  before: VerifyReport;
  /** Undefined where nothing differed, or where the user detached. */
  repaired?: Watched;
  /** The ranges that differed, compared anew. */
  after?: VerifyReport;
}

/**
 * Migrates what differs again, proven or not, and compares it anew.
 *
 * @throws {FairleadError} `migration-differs` when a reprocess of one of the ships runs with other ranges, …
 */
export async function repairShips(
  reports: readonly VerifyReport[],
  configuration: Configuration,
): Promise<RepairedShip[]> {
  const damaged = reports.filter(({ differing }) => differing.length > 0);
  if (damaged.length === 0) return reports.map((before) => ({ before }));
  const ships = damaged.map(({ ship, differing }) => ({
    ship,
    spans: differing.map(spanOf),
  }));
  const watched = await reprocessShips(ships, true, configuration);
  const isOver = watched.every(({ end }) => end !== 'detached');
  const comparisons = damaged.map(({ ship, differing }) => ({
    ship,
    from: differing[0]!.from,
    to: differing.at(-1)!.to,
    ranges: differing,
  }));
  const compared = isOver ? await compareShips(comparisons, configuration) : [];
  return reports.map((before) => {
    const index = damaged.indexOf(before);
    const [repaired, after] = [watched[index], compared[index]];
    const isCompared = typeof after === 'object';
    return { before, ...(repaired && { repaired }), ...(isCompared && { after }) };
  });
}
