import type { MigrationDatabases } from '../../activities/postgres/migration-databases.ts';
import { createMigrationFunctions } from '../../activities/postgres/migration-functions.ts';
import type { MigrationRequest } from '../../domain/migration.ts';
import { sideBySide } from '../../domain/side-by-side.ts';
import { secondsOf } from '../measure.ts';

const RUN = { signal: new AbortController().signal, timeoutMs: 3_600_000 };

export interface LaidOut {
  ships: number;
  /** For `planShip` and `prepareTarget`, over all ships. */
  planSeconds: number;
  /** For every batch of every ship, to its last chunk. */
  layOutSeconds: number;
  batches: number;
  chunks: number;
}

/** Plans a fleet, and lays out all of its chunks, as the migrations do while they go; without Temporal. */
export async function layOutPlan(
  databases: MigrationDatabases,
  requests: readonly MigrationRequest[],
  shipsAtOnce: number,
): Promise<LaidOut> {
  const functions = createMigrationFunctions(databases);
  const tally = { ships: requests.length, batches: 0, chunks: 0 };
  let plans: Awaited<ReturnType<typeof functions.planShip>>[] = [];
  const planSeconds = await secondsOf(async () => {
    plans = await sideBySide(requests, shipsAtOnce, async (request) => {
      const plan = await functions.planShip(request, RUN);
      await functions.prepareTarget(plan, RUN);
      return plan;
    });
  });
  const layOutSeconds = await secondsOf(() =>
    sideBySide(plans, shipsAtOnce, async (plan) => {
      for (let cursor = plan.from; cursor !== plan.to;) {
        const batch = await functions.planChunks({ plan, cursor }, RUN);
        cursor = batch.cursor;
        tally.batches++;
        tally.chunks += batch.chunks.length;
      }
    }),
  );
  return { ...tally, planSeconds, layOutSeconds };
}
