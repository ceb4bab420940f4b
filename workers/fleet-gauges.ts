import type { MetricGauge, MetricMeter, MetricTags } from '@temporalio/common';
import type { FleetLedger } from '../activities/postgres/read-fleet.ts';
import type { MigrationPhase } from '../domain/migration.ts';
import type { RunningMigration } from './running-migrations.ts';

/** Something that a migration waits for before it tries again. */
export interface FleetWait {
  ship: string;
  kind: string;
  code: string;
  seconds: number;
}

/** How all ships stand; what could not be read is absent. */
export interface FleetSight {
  migrations?: readonly RunningMigration[];
  waits?: readonly FleetWait[];
  ledger?: FleetLedger | undefined;
}

export interface FleetGauges {
  /** Everything that is not in sight becomes 0: the SDK's meter can take nothing away. */
  show(sight: FleetSight): void;
}

const PHASES = 'planning copying waiting paused finishing'.split(' ') as MigrationPhase[];

/**
 * Gauges of the whole fleet. One worker at a time has them; those of the others are 0, so `max by (ship)` is right
 * whichever worker that is.
 *
 * @see docs/operate.md#metrics
 */
export function createFleetGauges(meter: MetricMeter): FleetGauges {
  const of = (name: string, unit: string | undefined, what: string) =>
    new LabelledGauge(meter.createGauge(name, 'float', unit, what));
  const phases = of('fairlead_migrations', undefined, 'migrations that run, by phase');
  const percent = of('fairlead_migration_percent_done', undefined, 'of a ship that migrates');
  const waiting = of(
    'fairlead_migration_waiting_seconds',
    's',
    'for how long a ship has waited for what failed to be tried again',
  );
  const oldest = of(
    'fairlead_oldest_unfinished_chunk_seconds',
    's',
    'age of the oldest chunk that was begun and is not settled',
  );
  const chunks = of('fairlead_ledger_chunks', undefined, 'chunks in the ledger, by state');
  const cells = of('fairlead_ledger_cells', undefined, 'cells of proven chunks, by outcome');
  return {
    show({ migrations = [], waits = [], ledger }) {
      const inPhase = (phase: string) => migrations.filter((each) => each.phase === phase).length;
      phases.set(PHASES.map((phase) => [{ phase }, inPhase(phase)]));
      percent.set(migrations.map(({ ship, percent: done }) => [{ ship }, done]));
      waiting.set(waits.map(({ ship, kind, code, seconds }) => [{ ship, kind, code }, seconds]));
      oldest.set((ledger?.oldest ?? []).map(({ ship, seconds }) => [{ ship }, seconds]));
      chunks.set((ledger?.chunks ?? []).map(({ chunks: n, ...labels }) => [labels, n]));
      cells.set((ledger?.cells ?? []).map(({ cells: n, ...labels }) => [labels, n]));
    },
  };
}

/** A gauge whose label sets come and go; of equal ones the highest value is shown. */
class LabelledGauge {
  readonly #gauge: MetricGauge;
  #shown = new Map<string, MetricTags>();

  constructor(gauge: MetricGauge) {
    this.#gauge = gauge;
  }

  set(entries: readonly (readonly [MetricTags, number])[]): void {
    const values = new Map<string, number>();
    const labels = new Map<string, MetricTags>();
    for (const [tags, value] of entries) {
      const key = JSON.stringify(tags);
      labels.set(key, tags);
      values.set(key, Math.max(value, values.get(key) ?? 0));
    }
    for (const [key, tags] of this.#shown) if (!labels.has(key)) this.#gauge.set(0, tags);
    for (const [key, tags] of labels) this.#gauge.set(values.get(key)!, tags);
    this.#shown = new Map([...this.#shown, ...labels]);
  }
}
