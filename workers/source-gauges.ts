import type { MetricMeter } from '@temporalio/common';
import type { SourceSlots } from '../activities/postgres/source-slots.ts';
import type { SourceStrain } from '../domain/source-allowance.ts';

const CAUSES: readonly SourceStrain['cause'][] = ['latency', 'active', 'replication-lag'];

export interface SourceGauges {
  /**
   * What this worker may let the source have in flight, and why it is less than configured.
   *
   * @param inFlight of all workers, as far as this one has looked
   */
  show(slots: SourceSlots, inFlight: number): void;
}

/** @see docs/operate.md#metrics */
export function createSourceGauges(meter: MetricMeter): SourceGauges {
  const of = (name: string, what: string) => meter.createGauge(name, 'float', undefined, what);
  const allowed = of('fairlead_source_slots_allowed', 'chunks that may be read at a time');
  const spared = of('fairlead_source_spared', '1 while fewer are allowed, by cause');
  const inFlight = of('fairlead_source_chunks_in_flight', 'chunks that all workers were reading');
  return {
    show({ allowed: { slots, strain } }, chunks) {
      allowed.set(slots);
      inFlight.set(chunks);
      for (const cause of CAUSES) spared.set(strain?.cause === cause ? 1 : 0, { cause });
    },
  };
}
