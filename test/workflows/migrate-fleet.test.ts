import { CancelledFailure } from '@temporalio/common';
import type { WorkflowFailedError } from '@temporalio/client';
import { expect, test } from 'vitest';
import type { migrateFleet } from '../../workflows/migrate-fleet.ts';
import { cancel, fleetProgress, pause, resume } from '../../workflows/messages.ts';
import { Gate } from './gate.ts';
import { migrationLab, type MigrationLab } from './migration-lab.ts';

const ships = ['IMO9976903', 'IMO9976915', 'IMO9976927', 'IMO9976939'];

const startFleet = async (lab: MigrationLab, atOnce: number) =>
  lab.client.workflow.start<typeof migrateFleet>('migrateFleet', {
    args: [
      {
        ships: ships.map((ship) => lab.input({ ship, window: 1 })),
        atOnce,
        installation: lab.installation,
      },
    ],
    taskQueue: lab.names.taskQueue,
    workflowId: lab.names.migrateFleet,
    workflowExecutionTimeout: '1 minute',
  });

test('migrates every ship, so many at a time', async () => {
  await using lab = await migrationLab();
  const gate = new Gate();
  lab.ledger.onCopy = (_, { signal }) => gate.pass(signal);
  const fleet = await startFleet(lab, 2);
  await gate.reachedBy(2);
  const { running, waitingToStart } = await fleet.query(fleetProgress);
  gate.open();
  const report = await fleet.result();
  expect({ running, waitingToStart }).toEqual({
    running: ships.slice(0, 2),
    waitingToStart: ships.slice(2),
  });
  expect(lab.ledger.mostInFlight).toBe(2);
  expect(report.ships.map(({ ship, end }) => `${ship} ${end}`).toSorted()).toEqual(
    ships.map((ship) => `${ship} finished`),
  );
});

test('joins a ship whose migration runs already', async () => {
  await using lab = await migrationLab();
  const gate = new Gate();
  lab.ledger.onCopy = (_, { signal }) => gate.pass(signal);
  const first = await lab.start({ ship: ships[0]! });
  await gate.reachedBy(1);
  const fleet = await startFleet(lab, 4);
  await gate.reachedBy(5);
  gate.open();
  await fleet.result();
  const { runId } = await lab.client.workflow.getHandle(first.workflowId).describe();
  expect(runId).toBe(first.firstExecutionRunId);
});

test('starts no ship while paused', async () => {
  await using lab = await migrationLab();
  const gate = new Gate();
  lab.ledger.onCopy = (_, { signal }) => gate.pass(signal);
  const fleet = await startFleet(lab, 1);
  await gate.reachedBy(1);
  await fleet.executeUpdate(pause);
  gate.open();
  await lab.client.workflow.getHandle(lab.names.migrateShip(ships[0]!)).result();
  const paused = await fleet.query(fleetProgress);
  expect(paused.waitingToStart).toEqual(ships.slice(1));
  await fleet.executeUpdate(resume);
  expect((await fleet.result()).ships).toHaveLength(4);
});

test('leaves migrations alone when it is cancelled', async () => {
  await using lab = await migrationLab();
  const gate = new Gate();
  lab.ledger.onCopy = (_, { signal }) => gate.pass(signal);
  const fleet = await startFleet(lab, 1);
  await gate.reachedBy(1);
  await fleet.executeUpdate(cancel);
  const error = await fleet.result().catch((thrown: unknown) => thrown);
  gate.open();
  expect((error as WorkflowFailedError).cause).toBeInstanceOf(CancelledFailure);
  const ship = lab.client.workflow.getHandle(lab.names.migrateShip(ships[0]!));
  await expect(ship.result()).resolves.toMatchObject({ phase: 'finished' });
});

test('goes on in a new run without starting a ship twice', async () => {
  await using lab = await migrationLab({ shortHistory: true });
  const fleet = await startFleet(lab, 1);
  const { ships: outcomes } = await fleet.result();
  const { runId } = await lab.client.workflow.getHandle(fleet.workflowId).describe();
  expect(runId).not.toBe(fleet.firstExecutionRunId);
  expect(outcomes.map(({ ship }) => ship).toSorted()).toEqual(ships);
});

test('lets a worker go that waits for a ship', async () => {
  const lab = await migrationLab();
  const gate = new Gate();
  lab.ledger.onCopy = (_, { signal }) => gate.pass(signal);
  const fleet = await startFleet(lab, 1);
  const waits = async () => {
    const { raw } = await fleet.describe();
    return raw.pendingActivities?.some(({ lastStartedTime }) => lastStartedTime);
  };
  await expect.poll(waits, { timeout: 10_000 }).toBe(true);
  await expect(lab[Symbol.asyncDispose]()).resolves.toBeUndefined();
});
