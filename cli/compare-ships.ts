import { WorkflowFailedError } from '@temporalio/client';
import type { InstantRange } from '../domain/migration.ts';
import { namesOf } from '../domain/names.ts';
import type { Configuration } from '../workers/configuration.ts';
import { connectTemporal } from '../workers/temporal-client.ts';
import { locateTemporal } from '../workers/temporal-location.ts';
import { explained } from './ask-workflow.ts';
import { untilDetached } from './migrate-ships.ts';
import { openProgress } from './progress.ts';
import { failureOfWorkflow } from './watch-migration.ts';
import {
  startVerification,
  watchVerification,
  type WatchedVerification,
} from './watch-verification.ts';

/** What of a ship is to be compared; without `ranges` all of `[from, to)`. */
export interface Comparison extends InstantRange {
  ship: string;
  ranges?: InstantRange[];
}

/**
 * Starts or joins the ships' verifications, and follows them to their ends.
 */
export async function compareShips(
  comparisons: readonly Comparison[],
  configuration: Configuration,
): Promise<WatchedVerification[]> {
  const { migration, timing } = configuration;
  await using temporal = await connectTemporal(locateTemporal(configuration));
  const names = namesOf(migration.installation);
  using progress = openProgress({ unit: '%' });
  try {
    return await untilDetached((signal) =>
      Promise.all(
        comparisons.map(async (comparison) => {
          const { widthMs, window } = migration;
          const input = { ...comparison, widthMs, window, timing };
          const handle = await startVerification(temporal, names, input);
          const task = progress.task(comparison.ship, 100);
          const watcher = { note: progress.note.bind(progress), task, signal };
          return watchVerification(temporal, names, handle, watcher);
        }),
      ),
    );
  } catch (error) {
    throw error instanceof WorkflowFailedError
      ? failureOfWorkflow(error)
      : explained(error, temporal);
  }
}
