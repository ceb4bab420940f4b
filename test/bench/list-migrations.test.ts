import { expect, test } from 'vitest';
import { planIn } from '../../bench/chaos/list-migrations.ts';

const payloads = (value: unknown) => ({
  payloads: [{ data: Buffer.from(JSON.stringify(value)) }],
});
const started = (input: object) => ({
  eventId: 1,
  workflowExecutionStartedEventAttributes: { input: payloads(input) },
});
const asked = (eventId: number) => ({
  eventId,
  activityTaskScheduledEventAttributes: { activityType: { name: 'planShip' } },
});
const answered = (eventId: number, scheduledEventId: number, plan: object) => ({
  eventId,
  activityTaskCompletedEventAttributes: { scheduledEventId, result: payloads(plan) },
});

const planOf = (...events: object[]) => planIn({ events });

test('the plan of a run is the one that was answered, not the one that failed before it', () => {
  const plan = { ship: 'IMO9976903', redo: true, startedAt: '2026-01-01T00:00:00.000000Z' };
  expect(planOf(started({}), asked(5), asked(11), answered(13, 11, plan))).toEqual(plan);
});

test('a run that was continued has the plan of the run before', () => {
  const plan = { ship: 'IMO9976903', redo: true };
  expect(planOf(started({ checkpoint: { plan } }))).toEqual(plan);
});

test('a run that ended before its plan was made has none', () => {
  expect(planOf(started({}), asked(5))).toBeUndefined();
});
