import type { Redo } from './judge-commits.ts';
import type { TemporalClient } from '../../workers/temporal-client.ts';
import type { ShipPlan } from '../../domain/migration.ts';

/** What Temporal's histories say of the migrations. */
export interface Migrations {
  /** Those that were told to do proven chunks again. */
  redos: Redo[];
  /** When migrations ended that were cancelled: their chunks were in flight no more. */
  cancels: { ship: string; atMs: number }[];
}

export async function listMigrations({ client }: TemporalClient): Promise<Migrations> {
  const redos = new Map<string, Redo>();
  const cancels: Migrations['cancels'] = [];
  for await (const { workflowId, runId, status, closeTime } of client.workflow.list({
    query: `WorkflowType = 'migrateShip'`,
  })) {
    if (status.name === 'CANCELLED' && closeTime)
      cancels.push({ ship: workflowId.split('/').at(-1)!, atMs: closeTime.getTime() });
    const plan = planIn(await client.workflow.getHandle(workflowId, runId).fetchHistory());
    if (!plan?.redo) continue;
    const { ship, startedAt } = plan;
    redos.set(`${ship} ${startedAt}`, { ship, startedAtMs: Date.parse(startedAt) });
  }
  return { redos: [...redos.values()], cancels };
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
