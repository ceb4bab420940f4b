import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { CopyChunkHeartbeat } from '../domain/migration.ts';
import type { SourceRestraint } from '../domain/source-allowance.ts';
import { readPayload } from '../workers/payload-cipher.ts';
import type { TemporalLocation } from '../workers/temporal-location.ts';

/** What the heartbeats of a workflow's chunks say of the source; undefined while it is not spared. */
export function restraintIn(
  { raw }: Pick<WorkflowExecutionDescription, 'raw'>,
  location: TemporalLocation,
): SourceRestraint | undefined {
  const heartbeats = (raw.pendingActivities ?? []).flatMap(({ heartbeatDetails }) =>
    (heartbeatDetails?.payloads ?? []).map(
      (payload) => readPayload(payload, location) as Partial<CopyChunkHeartbeat> | undefined,
    ),
  );
  return strictest(heartbeats.map((heartbeat) => heartbeat?.spared));
}

/** Each worker judges for itself: the one that spares the source most tells why. */
export function strictest(
  restraints: readonly (SourceRestraint | undefined)[],
): SourceRestraint | undefined {
  const known = restraints.filter((each) => each !== undefined);
  return known.toSorted((one, other) => one.slots - other.slots)[0];
}
