import type { Redo } from './judge-commits.ts';
import type { TemporalClient } from '../../workers/temporal-client.ts';
import type { ShipPlan } from '../../domain/migration.ts';

/** The migrations that were told to do proven chunks again, by Temporal's own histories of them. */
export async function listRedos({ client }: TemporalClient): Promise<Redo[]> {
  const redos = new Map<string, Redo>();
  for await (const { workflowId, runId } of client.workflow.list({
    query: `WorkflowType = 'migrateShip'`,
  })) {
    const plan = planIn(await client.workflow.getHandle(workflowId, runId).fetchHistory());
    if (!plan?.redo) continue;
    const { ship, startedAt } = plan;
    redos.set(`${ship} ${startedAt}`, { ship, startedAtMs: Date.parse(startedAt) });
  }
  return [...redos.values()];
}

type History = Awaited<
  ReturnType<ReturnType<TemporalClient['client']['workflow']['getHandle']>['fetchHistory']>
>;

type Payloads = { payloads?: { data?: Uint8Array | null }[] | null } | null | undefined;

/** The plan that this run made, or took over from the run before. */
export function planIn({ events }: Pick<History, 'events'>): ShipPlan | undefined {
  const started = events?.[0]?.workflowExecutionStartedEventAttributes;
  const input = decode(started?.input) as { checkpoint?: { plan: ShipPlan } } | undefined;
  if (input?.checkpoint) return input.checkpoint.plan;
  // One that failed is asked for again, as another activity: the last one that answered is what the run went by.
  const asked = new Set(
    events
      ?.filter(
        (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'planShip',
      )
      .map(({ eventId }) => String(eventId)),
  );
  const answer = events?.findLast(({ activityTaskCompletedEventAttributes: done }) =>
    asked.has(String(done?.scheduledEventId)),
  );
  return decode(answer?.activityTaskCompletedEventAttributes?.result) as ShipPlan | undefined;
}

function decode(value: Payloads): unknown {
  const data = value?.payloads?.[0]?.data;
  return data ? JSON.parse(Buffer.from(data).toString()) : undefined;
}
