import type { ChunkProof, CopyChunkInput } from '../domain/migration.ts';
import { asFairleadError } from './application-failure-of.ts';
import type { CopyChunkRun, MigrationFunctions } from './migration-activities.ts';
import type { ChunkStage, MigrationMetrics } from './migration-metrics.ts';

/** The same functions, which tell the metrics what came of them. */
export function measureMigration(
  functions: MigrationFunctions,
  metrics: MigrationMetrics,
): MigrationFunctions {
  return {
    ...functions,
    async planChunks(input, run) {
      const { ship } = input.plan;
      metrics.know(ship);
      const batch = await functions.planChunks(input, run);
      metrics.foundEmpty(ship, batch.empty);
      return batch;
    },
    copyChunk: (input, run) => measuredCopy(functions, metrics, input, run),
    async splitChunk(failure) {
      metrics.know(failure.ship);
      const parts = await functions.splitChunk(failure);
      if (Array.isArray(parts)) metrics.split(failure.ship, failure.code ?? 'chunk-too-big');
      return parts;
    },
    async recordFailure(failure) {
      metrics.know(failure.ship);
      const proof = await functions.recordFailure(failure);
      if (!proof) metrics.failed(failure.ship);
      return proof;
    },
  };
}

async function measuredCopy(
  functions: MigrationFunctions,
  metrics: MigrationMetrics,
  input: CopyChunkInput,
  run: CopyChunkRun,
): Promise<ChunkProof> {
  metrics.know(input.ship);
  const clock = new StageClock(metrics);
  try {
    const proof = await functions.copyChunk(input, {
      ...run,
      heartbeat: (details) => {
        clock.enter(details.stage);
        run.heartbeat(details);
      },
      sourceAnswered: (seconds) => metrics.sourceAnswered(seconds),
    });
    if (!proof.provenBefore) metrics.committed(input.ship, proof);
    return proof;
  } catch (error) {
    if (!run.signal.aborted) metrics.retried(asFairleadError(error));
    throw error;
  } finally {
    clock.end();
  }
}

/** Tells each stage when the next one begins, the last one at the end of the attempt, whatever ends it. */
class StageClock {
  private readonly metrics: MigrationMetrics;
  private stage: ChunkStage | undefined;
  private since = 0;

  constructor(metrics: MigrationMetrics) {
    this.metrics = metrics;
  }

  enter(stage: ChunkStage): void {
    if (stage === this.stage) return;
    this.end();
    this.stage = stage;
    this.since = performance.now();
  }

  end(): void {
    if (this.stage === undefined) return;
    this.metrics.stageEnded(this.stage, (performance.now() - this.since) / 1_000);
    this.stage = undefined;
  }
}
