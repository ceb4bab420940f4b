import { formatCount } from '../domain/format-figures.ts';
import type { InstantRange, MigrationPhase } from '../domain/migration.ts';
import type { MigrationProgress } from '../domain/migration-progress.ts';
import type { Names } from '../domain/names.ts';
import type { ReprocessMemo } from '../domain/reprocess.ts';
import type { SourceRestraint } from '../domain/source-allowance.ts';
import type { TemporalClient } from '../workers/temporal-client.ts';
import { migrationPhase, progress } from '../workflows/messages.ts';
import { describeRanges } from '../workflows/reprocess-header.ts';
import { askWorkflow, describeRun, workerAbsent } from './ask-workflow.ts';
import { retriedSteps, sentenceOfRetry, sentenceOfWait } from './retried-steps.ts';
import { restraintIn } from './source-restraint.ts';

/** A reprocess that runs. */
export interface ReprocessStatus {
  phase: MigrationPhase;
  /** From its first range to its last. */
  range: InstantRange;
  /** Sentences for the operator. */
  remarks: string[];
  spared: SourceRestraint | undefined;
}

/** @returns undefined where no reprocess of the ship runs */
export async function readReprocess(
  ship: string,
  names: Names,
  temporal: TemporalClient,
): Promise<ReprocessStatus | undefined> {
  const handle = temporal.client.workflow.getHandle(names.reprocessShip(ship));
  const description = await describeRun(handle);
  if (description?.status.name !== 'RUNNING') return undefined;
  const { ranges } = description.memo as unknown as ReprocessMemo;
  const title = `${ship}: a reprocess of ${describeRanges(ranges)}`;
  const spared = restraintIn(description, temporal.location);
  const retries = retriedSteps(description, temporal.location).map((step) =>
    sentenceOfRetry(ship, step),
  );
  const reply = await askWorkflow(temporal, handle, progress);
  if ('answer' in reply) {
    const remarks = [`${title} ${stateOf(reply.answer)}`, ...waits(reply.answer), ...retries];
    return { phase: reply.answer.phase, range: ranges, remarks, spared };
  }
  const phase = description.typedSearchAttributes.get(migrationPhase) ?? 'planning';
  const { message, hint } = workerAbsent(names, temporal);
  const remarks = [`${title} is ${phase}`, `${message} → ${hint}`, ...retries];
  return { phase: phase as MigrationPhase, range: ranges, remarks, spared };
}

function stateOf({ phase, chunks, cells }: MigrationProgress): string {
  const settled = chunks.done + chunks.empty + chunks.failed;
  const failed = chunks.failed > 0 ? `, ${formatCount(chunks.failed)} of them failed` : '';
  return `is ${phase}: ${formatCount(settled)} of ${formatCount(chunks.total)} chunks${failed}, ${formatCount(cells.read)} cells`;
}

const waits = ({ ship, waiting }: MigrationProgress): string[] =>
  waiting.map((wait) => sentenceOfWait(ship, wait));
