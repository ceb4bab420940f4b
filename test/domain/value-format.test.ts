import { describe, expect, it } from 'vitest';
import { columnTypeOf, isValueFormat } from '../../domain/value-format.ts';

const typeOf = (votes: Record<string, number>) => columnTypeOf(new Map(Object.entries(votes)));

describe('the type of a column', () => {
  it.each([
    ['Decimal', 'double precision'],
    ['Integer', 'bigint'],
    ['Boolean', 'boolean'],
    ['String', 'text'],
    ['DateTime', 'text'],
  ])('follows the value format %s: %s', (format, type) => {
    expect(typeOf({ [format]: 1 })).toBe(type);
  });

  it('is that of Decimal where Integer and Decimal are mixed, however few they are', () => {
    expect(typeOf({ Integer: 15, Decimal: 1 })).toBe('double precision');
  });

  it('counts Integer and Decimal together against others', () => {
    expect(typeOf({ Integer: 4, Decimal: 4, String: 5 })).toBe('double precision');
    expect(typeOf({ Integer: 1, Decimal: 1, String: 5 })).toBe('text');
  });

  it('is the most frequent one otherwise', () => {
    expect(typeOf({ Boolean: 2, String: 14 })).toBe('text');
    expect(typeOf({ String: 1, DateTime: 1, Boolean: 1 })).toBe('text');
  });

  it('is not decided by formats that nobody knows', () => {
    expect(typeOf({ Quantity: 15, Boolean: 1 })).toBe('boolean');
    expect(typeOf({ Quantity: 15, decimal: 1 })).toBeUndefined();
    expect(typeOf({})).toBeUndefined();
  });
});

it.each(['constructor', 'toString', '__proto__', ''])('%j is no value format', (name) => {
  expect(isValueFormat(name)).toBe(false);
});
