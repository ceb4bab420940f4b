import { expect } from 'vitest';
import {
  SHIP,
  cell,
  insertCells,
  ledger,
  narrowCells,
  quarantined,
  second,
  wideCells,
  type MigrationLab,
} from '../../migration-databases.ts';

/** A number and a text, twice, and one cell for the quarantine. */
export const insertFiveCells = (lab: MigrationLab, ship = SHIP) =>
  insertCells(lab, [
    cell('Decimal', '/a', second(0), 1, ship),
    cell('String', '/b', second(0), 'one', ship),
    cell('Decimal', '/a', second(15), 2, ship),
    cell('String', '/b', second(15), 'two', ship),
    { ship, channel: '/a', at: second(30), format: null, double: 3 },
  ]);

export async function expectFiveCells(lab: MigrationLab): Promise<void> {
  expect(await wideCells(lab)).toEqual(await narrowCells(lab, SHIP, 'value_format is not null'));
  expect(await quarantined(lab)).toEqual(['/a missing-format']);
  expect(await ledger(lab)).toEqual(['02:00 04:00 done written=4']);
}
