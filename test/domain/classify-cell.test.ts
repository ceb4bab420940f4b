import { describe, expect, it } from 'vitest';
import { classifyCell, type CellForm, type CellVerdict } from '../../domain/classify-cell.ts';
import type { ColumnType } from '../../domain/value-format.ts';

const double = 'double precision';

describe('a cell', () => {
  it.each<[string, CellForm, ColumnType | undefined, CellVerdict]>([
    ['with its value', { format: 'Decimal', valueTypes: [double] }, double, 'write'],
    ['with a date and time', { format: 'DateTime', valueTypes: ['text'] }, 'text', 'write'],
    ['with no value', { format: 'Decimal', valueTypes: [] }, double, 'null'],
    ['with no value and no format', { format: undefined, valueTypes: [] }, undefined, 'null'],
    ['with no value and a strange format', { format: 'X', valueTypes: [] }, 'text', 'null'],
    ['in the wrong column', { format: 'Decimal', valueTypes: ['bigint'] }, double, 'wrong-column'],
    [
      'in the wrong column, which is the one of its channel',
      { format: 'Decimal', valueTypes: ['text'] },
      'text',
      'wrong-column',
    ],
    [
      'with two values',
      { format: 'Decimal', valueTypes: [double, 'bigint'] },
      double,
      'two-values',
    ],
    [
      'with two and no format',
      { format: undefined, valueTypes: [double, 'text'] },
      double,
      'two-values',
    ],
    ['of an unknown format', { format: 'decimal', valueTypes: [double] }, double, 'unknown-format'],
    ['of no format', { format: undefined, valueTypes: [double] }, double, 'missing-format'],
    [
      'Integer in a Decimal channel',
      { format: 'Integer', valueTypes: ['bigint'] },
      double,
      'convert',
    ],
    [
      'Decimal in an Integer channel',
      { format: 'Decimal', valueTypes: [double] },
      'bigint',
      'convert',
    ],
    [
      'String in a Decimal channel',
      { format: 'String', valueTypes: ['text'] },
      double,
      'other-type',
    ],
    [
      'Boolean in an Integer channel',
      { format: 'Boolean', valueTypes: ['boolean'] },
      'bigint',
      'other-type',
    ],
    [
      'Decimal in a text channel',
      { format: 'Decimal', valueTypes: [double] },
      'text',
      'other-type',
    ],
    [
      'of a channel with no column',
      { format: 'Decimal', valueTypes: [double] },
      undefined,
      'other-type',
    ],
  ])('%s', (_what, form, column, verdict) => {
    expect(classifyCell(form, column)).toBe(verdict);
  });
});
