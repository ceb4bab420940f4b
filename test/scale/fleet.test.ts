import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { fillSource } from '../../bench/scale/fill-source.ts';
import {
  readFleetSizes,
  readTemporalFigures,
  type FleetSizes,
  type TemporalFigures,
} from '../../bench/scale/temporal-figures.ts';
import { fleetShips } from '../../domain/made-up-fleet.ts';
import { parseTableName } from '../../domain/table-name.ts';
import { commandWorld, type Answer, type CommandWorld } from '../cli/command-world.ts';
import { testTemporal } from '../temporal.ts';

const WORKER = fileURLToPath(
  new URL('../../dist/bench/scale/simulated-worker.js', import.meta.url),
);
const SHIPS = fleetShips(20);
const CHUNKS = 60;
const FROM = '2025-01-01T00:00:00.000Z';
const TO = '2025-01-06T00:00:00.000Z';
/** After so many events of a run the server of this test suggests a new one; the usual one does after 4,096. */
const SUGGESTED_AT = 40;
/**
 * A run looks for the suggestion before each batch of 48 chunks. A chunk has up to three events of its activity, three of
 * the workflow task that takes its end, and one of search attributes where it is a per cent or more, as it is here; so has
 * the planning of the batch.
 */
const EVENTS_OF_A_BATCH = (48 + 1) * 7;

/** A fleet that is migrated by a worker whose chunks only sleep. */
let world: CommandWorld;
let migrated: Answer;
let refused: Answer;
let statuses: Record<'early' | 'late', Answer>;
let figures: TemporalFigures;
let sizes: FleetSizes;

beforeAll(async () => {
  const temporalAddress = inject('shortHistoryTemporalAddress');
  world = await commandWorld({
    environment: { TEMPORAL_ADDRESS: temporalAddress },
    migration: 'window = 8\n',
    configuration: `[fleet]\nships = ${JSON.stringify(SHIPS)}\nshipsAtOnce = ${SHIPS.length}\n[worker]\nchunkSlots = 64\n`,
  });
  const source = parseTableName('tenant.tbl_data_timeseries');
  const client = await world.database.pool.connect();
  await fillSource(client, source, { ships: SHIPS, from: FROM, chunks: CHUNKS });
  client.release();
  await using _worker = startWorker(temporalAddress);
  const fleet = ['--fleet', '--from', FROM];
  await world.fairlead('migrate', ...fleet, '--to', '2025-01-01T08:00:00Z', '--json');
  const early = await world.fairlead('status', '--json');
  await world.fairlead('migrate', ...fleet, '--to', TO, '--no-wait');
  refused = await world.fairlead('migrate', ...fleet, '--to', '2025-02-01', '--json');
  migrated = await world.fairlead('migrate', ...fleet, '--to', TO, '--json');
  statuses = { early, late: await world.fairlead('status', '--json') };
  await using temporal = await testTemporal({ shortHistory: true });
  figures = await readTemporalFigures(temporal.client, world.names);
  sizes = await readFleetSizes(temporal.client, world.names);
}, 180_000);

afterAll(() => world?.[Symbol.asyncDispose]());

function startWorker(temporalAddress: string): AsyncDisposable {
  const env = { ...process.env, TEMPORAL_ADDRESS: temporalAddress };
  const worker = spawn(process.execPath, [WORKER], { cwd: world.folder, env, stdio: 'ignore' });
  return {
    [Symbol.asyncDispose]: async () => {
      const closed = once(worker, 'close');
      worker.kill('SIGTERM');
      await closed;
    },
  };
}

describe('the migration of a fleet', () => {
  it('comes to its end over many runs of each ship', () => {
    expect(migrated.exitCode, migrated.stderr).toBe(0);
    const { ships } = migrated.json();
    expect(ships).toHaveLength(SHIPS.length);
    for (const { chunks, phase } of ships)
      expect({ phase, ...chunks }).toMatchObject({ phase: 'finished', done: CHUNKS, failed: 0 });
    expect(figures.runs).toBeGreaterThan(2 * SHIPS.length);
  });

  it('is not joined by who asks for another range, and both are shown', () => {
    expect(refused.exitCode).toBe(3);
    const { code, message, hint } = refused.json().error;
    expect(code).toBe('migration-differs');
    expect(message).toMatch(/2025-01-06 00:00 .*runs already; asked was .*2025-02-01 00:00/);
    expect(hint).toContain('fairlead cancel --fleet');
  });

  it('has no run that goes on for more than a batch of chunks beyond the suggestion to begin a new one', () => {
    expect(figures.mostEvents).toBeGreaterThan(SUGGESTED_AT);
    expect(figures.mostEvents).toBeLessThan(SUGGESTED_AT + EVENTS_OF_A_BATCH);
  });

  it('has a status whose size is that of the fleet, not of its chunks', () => {
    const [early, late] = [statuses.early.stdout.length, statuses.late.stdout.length];
    expect(statuses.late.json().ships).toHaveLength(SHIPS.length);
    expect(late).toBeLessThan(SHIPS.length * 500);
    expect(late).toBeLessThan(early * 1.1);
  });

  it('carries some hundred bytes for each ship, in its query, its memo and its input', () => {
    expect(sizes.queryBytes).toBeLessThan(SHIPS.length * 100);
    expect(sizes.memoBytes).toBeLessThan(SHIPS.length * 30);
    expect(sizes.inputBytes).toBeLessThan(SHIPS.length * 600);
  });
});
