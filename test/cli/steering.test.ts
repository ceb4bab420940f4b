import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandWorld, type CommandWorld } from './command-world.ts';
import { fillSixHours } from './fill-six-hours.ts';

const SHIP = 'IMO9976903';
const RANGE = ['--from', '2025-06-15', '--to', '2025-06-15T06:00'];

let world: CommandWorld;
let worker: AsyncDisposable;
const fairlead = (...words: string[]) => world.fairlead(...words);

beforeAll(async () => {
  world = await commandWorld();
  await fillSixHours(world, SHIP);
  worker = await world.startWorker();
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

describe.sequential('a running migration', () => {
  it('is paused, between chunks', async () => {
    const start = ['--width', '1m', '--window', '1', '--no-wait', '--json'];
    expect((await fairlead('migrate', SHIP, ...RANGE, ...start)).exitCode).toBe(0);
    const pause = await fairlead('pause', SHIP, '--json');
    expect(pause.json()).toEqual({ ships: [{ ship: SHIP, reached: true }] });
    const { ships } = (await fairlead('status', SHIP, '--json')).json();
    expect(ships).toMatchObject([{ ship: SHIP, phase: 'paused', verified: false }]);
    expect(ships[0]!.chunks['total']).toBe(360);
  });

  it('takes another window, and no impossible one', async () => {
    const answer = await fairlead('set-window', SHIP, '4', '--json');
    expect(answer.json()).toEqual({ ship: SHIP, window: 4 });
    expect((await fairlead('set-window', SHIP, '65')).exitCode).toBe(2);
  });

  it.each([
    [['--width', '2h'], 'chunks of 2h'],
    [['--to', '2025-06-15T05:00'], '→ 2025-06-15T05:00'],
  ])('is not joined with %j, and both are shown', async (words, asked) => {
    const { exitCode, stderr } = await fairlead('migrate', SHIP, ...words);
    expect(exitCode).toBe(3);
    expect(stderr).toContain('in chunks of 1m runs already; asked was');
    expect(stderr).toContain(asked);
  });

  it('tells who joins that it is paused, and is cancelled', async () => {
    const joined = fairlead('migrate', SHIP, '--json');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect((await fairlead('cancel', SHIP, '--json')).exitCode).toBe(0);
    const { exitCode, stderr, json } = await joined;
    expect(stderr).toContain(`${SHIP} is paused; to go on: fairlead resume ${SHIP}`);
    expect(exitCode).toBe(0);
    expect(json().ships).toMatchObject([{ phase: 'cancelled', verified: false }]);
    const status = await fairlead('status', SHIP, '--json');
    expect(status.json().ships).toMatchObject([{ phase: 'cancelled' }]);
    expect(status.stderr).toContain(`to go on: fairlead migrate ${SHIP}`);
  });

  it('is finished later from where it was, with no half chunk', async () => {
    const { exitCode, json, stderr } = await fairlead('migrate', SHIP, ...RANGE, '--json');
    expect(exitCode, stderr).toBe(0);
    expect(json().ships).toMatchObject([{ cells: { read: 5_760 }, verified: true }]);
    expect((await fairlead('verify', SHIP, '--json')).exitCode).toBe(0);
  });
});
