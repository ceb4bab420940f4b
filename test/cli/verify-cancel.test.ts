import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandWorld, type CommandWorld } from './command-world.ts';
import { fillSixHours } from './fill-six-hours.ts';

const SHIP = 'IMO9976903';
const WIDE = `tenant.tbl_data_timeseries_${SHIP.toLowerCase()}_4`;

let world: CommandWorld;
let worker: AsyncDisposable;
const fairlead = (...words: string[]) => world.fairlead(...words);

beforeAll(async () => {
  world = await commandWorld();
  await fillSixHours(world, SHIP);
  worker = await world.startWorker();
  const range = ['--from', '2025-06-15', '--to', '2025-06-15T06:00'];
  expect((await fairlead('migrate', SHIP, ...range)).exitCode).toBe(0);
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

describe.sequential('a running verification', { timeout: 120_000 }, () => {
  it('is seen, refuses another range, and is ended', async () => {
    await using _ = await whereNothingCanBeRead();
    const watched = fairlead('verify', SHIP);
    await seen();
    const other = await fairlead('verify', SHIP, '--to', '2025-06-15T05:00');
    expect(other.exitCode).toBe(3);
    expect(other.stderr).toContain('T06:00:00.000Z runs already; asked was');
    expect(other.stderr).toContain(`fairlead cancel ${SHIP}`);
    const cancel = await fairlead('cancel', SHIP);
    expect(cancel.exitCode, cancel.stderr).toBe(0);
    expect(cancel.stdout).toContain(
      `${SHIP}: no migration runs; the verification that did was cancelled`,
    );
    const { exitCode, stderr } = await watched;
    expect(exitCode).toBe(4);
    expect(stderr).toContain(`${SHIP}: the verification was cancelled, and says nothing`);
    expect((await fairlead('status', SHIP)).stderr).not.toContain('verification');
    const again = await fairlead('cancel', SHIP);
    expect(again.exitCode).toBe(2);
    expect(again.stderr).toContain(`no migration and no verification of ${SHIP} runs`);
  });

  it('goes on when Ctrl-C leaves it, and says how to see and to end it', async () => {
    await using _ = await whereNothingCanBeRead();
    const left = world.start('verify', SHIP);
    await seen();
    left.child.kill('SIGINT');
    const { stderr } = await left.outcome;
    expect(stderr).toContain('detached; the verification goes on');
    expect(stderr).toContain(`fairlead status ${SHIP}`);
    expect(stderr).toContain(`to end it: fairlead cancel ${SHIP}`);
    await seen();
    expect((await fairlead('cancel', SHIP)).exitCode).toBe(0);
  });

  it('begins anew after that', async () => {
    const { exitCode, json } = await fairlead('verify', SHIP, '--json');
    expect(exitCode).toBe(0);
    expect(json().ships).toMatchObject([{ cells: { source: 5_760, matched: 5_760 } }]);
  });
});

const seen = () =>
  expect
    .poll(async () => (await fairlead('status', SHIP)).stderr, { timeout: 30_000 })
    .toMatch(/a verification of 2025-06-15T00:00:00.000Z to .* runs: is .*; to end it: fairlead/);

/** Whoever reads the wide table waits, until this is disposed of. */
async function whereNothingCanBeRead(): Promise<AsyncDisposable> {
  const client = await world.database.pool.connect();
  await client.query(`begin; lock table ${WIDE} in access exclusive mode`);
  return {
    [Symbol.asyncDispose]: async () => {
      await client.query('rollback');
      client.release();
    },
  };
}
