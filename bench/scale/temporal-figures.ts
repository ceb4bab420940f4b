import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import type { Names } from '../../domain/names.ts';
import { sideBySide } from '../../domain/side-by-side.ts';
import { fleetProgress } from '../../workflows/messages.ts';

const RUNS_AT_ONCE = 16;

export interface TemporalFigures {
  /** Of all workflows of the fleet; a migration that continued as new has several. */
  runs: number;
  events: number;
  /** Of the run that has most. */
  mostEvents: number;
  stateTransitions: number;
}

/** What the server counts for every run of a fleet's migration. */
export async function readTemporalFigures(client: Client, names: Names): Promise<TemporalFigures> {
  const query = `WorkflowType IN ('migrateShip', 'migrateFleet')`;
  const runs: { workflowId: string; runId: string }[] = [];
  for await (const { workflowId, runId } of client.workflow.list({ query }))
    if (workflowId === names.migrateFleet || workflowId.startsWith(names.migrateShip('')))
      runs.push({ workflowId, runId });
  // The list may be a moment behind; what describes a run never is.
  const described = await sideBySide(runs, RUNS_AT_ONCE, ({ workflowId, runId }) =>
    client.workflow.getHandle(workflowId, runId).describe(),
  );
  const events = described.map(({ historyLength }) => historyLength);
  return {
    runs: runs.length,
    events: sumOf(events),
    mostEvents: Math.max(0, ...events),
    stateTransitions: sumOf(described.map(transitionsOf)),
  };
}

const transitionsOf = ({ raw }: WorkflowExecutionDescription): number =>
  Number(raw.workflowExecutionInfo?.stateTransitionCount ?? 0);

const sumOf = (numbers: readonly number[]): number =>
  numbers.reduce((sum, number) => sum + number, 0);

export interface FleetSizes {
  queryBytes: number;
  memoBytes: number;
  inputBytes: number;
}

/** What the fleet's own workflow carries and answers. */
export async function readFleetSizes(client: Client, names: Names): Promise<FleetSizes> {
  const handle = client.workflow.getHandle(names.migrateFleet);
  const [answer, description, history] = await Promise.all([
    handle.query(fleetProgress),
    handle.describe(),
    handle.fetchHistory(),
  ]);
  const payloads =
    history.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  return {
    queryBytes: Buffer.byteLength(JSON.stringify(answer)),
    memoBytes: Buffer.byteLength(JSON.stringify(description.memo ?? {})),
    inputBytes: payloads.reduce((sum, { data }) => sum + (data?.length ?? 0), 0),
  };
}
