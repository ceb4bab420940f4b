import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sumOf, valuesOf, type Sample } from './exposition.ts';
import { SHIP, stumblingMigration, type StumblingMigration } from './stumbling-migration.ts';

let migration: StumblingMigration;
let atFirst: Sample[];
let waiting: Sample[];
let atLast: Sample[];

const ship = SHIP;
const hasLookedAtItsEnd = (samples: Sample[]) =>
  sumOf(samples, 'fairlead_migrations') === 0 &&
  sumOf(samples, 'fairlead_ledger_chunks', { state: 'running' }) === 0 &&
  sumOf(samples, 'fairlead_ledger_chunks', { state: 'failed' }) > 0;

beforeAll(async () => {
  migration = await stumblingMigration();
  atFirst = await migration.scrape();
  await migration.start();
  waiting = await migration.scraped(
    (samples) =>
      sumOf(samples, 'fairlead_migration_waiting_seconds', { code: 'disk-full' }) > 1 &&
      sumOf(samples, 'fairlead_oldest_unfinished_chunk_seconds') > 0,
  );
  await migration.goOn();
  atLast = await migration.scraped(hasLookedAtItsEnd);
});

afterAll(() => migration?.[Symbol.asyncDispose]());

const sums = (name: string, label: string, values: string[]) =>
  Object.fromEntries(values.map((value) => [value, sumOf(atLast, name, { [label]: value })]));

describe('the log of a worker', () => {
  const lines = () =>
    migration.workers
      .flatMap((worker) => worker.log().split('\n'))
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  it('is one JSON document a line, with a level, a time and a phrase', () => {
    expect(lines().length).toBeGreaterThan(10);
    for (const line of lines()) {
      expect(line['msg']).not.toBe('');
      expect(Number(line['level'])).toBeGreaterThan(0);
      expect(Number(line['time'])).toBeGreaterThan(0);
    }
  });

  it('names ship and workflow in each line of an activity or a workflow', () => {
    const ofSteps = lines().filter(
      (line) => line['workflowType'] !== undefined || line['activityType'] !== undefined,
    );
    expect(ofSteps.length).toBeGreaterThan(5);
    for (const line of ofSteps) {
      expect(line).toMatchObject({ ship });
      expect(line['workflowId']).toContain(`migrate-ship/${ship}`);
    }
  });

  it('names the chunk where it is about one, as everything else does', () => {
    const chunks = (phrase: string, more: Record<string, unknown> = {}) =>
      new Set(
        lines()
          .filter((line) => line['msg'] === phrase)
          .filter((line) => Object.entries(more).every(([key, value]) => line[key] === value))
          .map((line) => line['chunk']),
      );
    expect(chunks('chunk failed')).toEqual(new Set(['2025-06-15 04:00 → 06:00']));
    expect(chunks('chunk split')).toEqual(new Set(['2025-06-15 08:00 → 10:00']));
    expect(chunks('waiting')).toContain('2025-06-15 06:00 → 08:00');
    const copies = lines().filter((line) => line['activityType'] === 'copyChunk');
    expect(copies.length).toBeGreaterThan(3);
    for (const line of copies) expect(line['chunk']).toMatch(/^2025-06-15 \d\d:00 → \d\d:00$/);
    expect(copies.map((line) => line['chunk'])).toContain('2025-06-15 02:00 → 04:00');
  });
});

describe('the metrics of a migration', () => {
  it('begin at 0 for the ships of the fleet, before there is anything to count', () => {
    for (const state of ['done', 'empty', 'split', 'failed'])
      expect(valuesOf(atFirst, 'fairlead_chunks_total', { ship, state })).toEqual([0, 0]);
    for (const outcome of ['written', 'null', 'quarantined'])
      expect(valuesOf(atFirst, 'fairlead_cells_total', { ship, outcome })).toEqual([0, 0]);
    expect(valuesOf(atFirst, 'fairlead_chunk_retries_total', { kind: 'transient' })).toContain(0);
  });

  it('count of all workers what the ledger has', async () => {
    const { rows } = await migration.query(
      `select count(*) filter (where status = 'done')::int as done, count(*) filter (where status = 'split')::int as split,
              sum(cells_written)::int as written, sum(cells_null)::int as null, sum(cells_quarantined)::int as quarantined
         from ${migration.ledger}.chunk`,
    );
    const { done, split, ...cells } = rows[0] as Record<string, number>;
    expect(sums('fairlead_chunks_total', 'state', ['done', 'split'])).toEqual({ done, split });
    expect(sums('fairlead_cells_total', 'outcome', Object.keys(cells))).toEqual(cells);
    expect(sumOf(atLast, 'fairlead_quarantined_cells_total', { reason: 'two-values' })).toBe(
      cells['quarantined'],
    );
    expect(sumOf(atLast, 'fairlead_excessive_quarantine_chunks_total')).toBe(done);
  });

  it('tell retries and splits by their cause', () => {
    const retries = (code: string) => sumOf(atLast, 'fairlead_chunk_retries_total', { code });
    expect(retries('database-busy')).toBe(2);
    expect(retries('disk-full')).toBeGreaterThan(0);
    expect(sumOf(atLast, 'fairlead_chunk_splits_total', { code: 'chunk-too-big' })).toBe(1);
  });

  it('time each stage of an attempt, and what the source takes to answer', () => {
    for (const stage of ['claim', 'slot', 'read', 'columns', 'wait', 'write', 'verify', 'commit'])
      expect(sumOf(atLast, 'fairlead_chunk_stage_seconds_count', { stage }), stage).toBeGreaterThan(
        0,
      );
    const reads = sumOf(atLast, 'fairlead_chunk_stage_seconds_count', { stage: 'read' });
    expect(sumOf(atLast, 'fairlead_source_latency_seconds_count')).toBe(reads);
    expect(sumOf(atLast, 'fairlead_source_latency_seconds_bucket', { le: '10' })).toBe(reads);
  });

  it('say that a ship waits, what for, and how old its oldest chunk is, once for all workers', () => {
    const [for0, others] = valuesOf(waiting, 'fairlead_migration_waiting_seconds', {
      ship,
      kind: 'operator',
      code: 'disk-full',
    });
    expect(for0).toBeGreaterThan(1);
    expect(others ?? 0).toBe(0);
    expect(sumOf(waiting, 'fairlead_migrations', { phase: 'waiting' })).toBe(1);
    const ages = valuesOf(waiting, 'fairlead_oldest_unfinished_chunk_seconds', { ship });
    expect(ages.filter((age) => age > 0)).toHaveLength(1);
  });

  it('are 0 again once nothing waits and nothing is unfinished', () => {
    for (const name of ['migration_waiting', 'oldest_unfinished_chunk'])
      expect(sumOf(atLast, `fairlead_${name}_seconds`)).toBe(0);
  });

  it('show the ledger as it is', () => {
    const states = ['done', 'split', 'failed', 'running'];
    expect(sums('fairlead_ledger_chunks', 'state', states)).toMatchObject({
      done: sumOf(atLast, 'fairlead_chunks_total', { state: 'done' }),
      split: 1,
      failed: 1,
      running: 0,
    });
    expect(sumOf(atLast, 'fairlead_ledger_cells', { outcome: 'written' })).toBe(
      sumOf(atLast, 'fairlead_cells_total', { outcome: 'written' }),
    );
  });

  it('name ships and never channels', () => {
    const labels = new Set(
      atLast
        .filter(({ name }) => name.startsWith('fairlead_'))
        .flatMap((sample) => Object.keys(sample.labels)),
    );
    expect([...labels].toSorted()).toEqual(
      'cause code kind le outcome phase reason ship stage state'.split(' '),
    );
  });

  it('are looked for by another worker when the one that looked is killed', async () => {
    const shown = async () =>
      (await migration.scrapeEach()).map(
        (samples) => sumOf(samples, 'fairlead_ledger_chunks', { state: 'failed' }) > 0,
      );
    const looking = (await shown()).indexOf(true);
    migration.workers[looking]!.kill('SIGKILL');
    const [survivor] = migration.workers.filter((_, index) => index !== looking);
    await migration.scraped(
      (samples) => sumOf(samples, 'fairlead_ledger_chunks', { state: 'failed' }) === 1,
      [survivor!],
    );
  });
});
