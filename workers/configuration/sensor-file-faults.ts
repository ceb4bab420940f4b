import { resolve } from 'node:path';
import { tlsFileFaults } from './certificate-faults.ts';
import type { Fault } from './faults.ts';

/** The PEM files of sensors that are not there, or of no use; of sensors that may have other faults as well. */
export function sensorFileFaults(sensors: unknown, base: string): Fault[] {
  if (!Array.isArray(sensors)) return [];
  return sensors.flatMap((sensor: Record<string, unknown> | null, index): Fault[] => {
    const file = (name: string) => {
      const value = sensor?.[name];
      return typeof value === 'string' && value !== '' ? resolve(base, value) : undefined;
    };
    const faults = tlsFileFaults({ ca: file('ca'), cert: file('cert'), key: file('key') });
    return Object.entries(faults).map(([name, message]) => ({
      path: ['sensors', index, name],
      message,
    }));
  });
}
