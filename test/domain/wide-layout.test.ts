import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ColumnType } from '../../domain/value-format.ts';
import {
  MAX_COLUMNS,
  MAX_ROW_BYTES,
  columnName,
  extendLayout,
  rowBytes,
  type ChannelColumn,
  type LayoutOptions,
  type TypedChannel,
} from '../../domain/wide-layout.ts';

const options: LayoutOptions = {
  groups: [
    { number: 1, name: 'auxiliary', channels: new Set(['/aux/1', '/aux/2']) },
    { number: 2, name: 'engine', channels: new Set(['/engine/1', '/engine/2']) },
  ],
  tableName: (group, letter) => `tenant.wide_${group}${letter}`,
  oneTablePerGroup: true,
};
const TYPES: ColumnType[] = ['double precision', 'bigint', 'boolean', 'text'];
const doubles = (count: number, prefix = '/x/'): TypedChannel[] =>
  Array.from({ length: count }, (_, n) => ({
    channel: `${prefix}${String(n).padStart(4, '0')}`,
    type: 'double precision',
  }));

const anyChannels = (maxLength: number) =>
  fc.uniqueArray(
    fc.record<TypedChannel>({
      channel: fc.oneof(
        fc.string({ unit: 'grapheme', maxLength: 80 }),
        fc.constantFrom('created_time', 'ctid', '', 'É', 'é', '/aux/1', '/engine/2'),
      ),
      type: fc.constantFrom(...TYPES),
    }),
    { maxLength, selector: ({ channel }) => channel },
  );

/** Many channels at once: what fast-check would take too long to make one by one. */
const manyChannels = fc
  .tuple(fc.nat(1_500), fc.nat(1_500), fc.nat(1_500))
  .map(([numbers, texts, booleans]): TypedChannel[] => [
    ...doubles(numbers),
    ...doubles(texts, '/text/').map(({ channel }) => ({ channel, type: 'text' as const })),
    ...doubles(booleans, '/bool/').map(({ channel }) => ({ channel, type: 'boolean' as const })),
  ]);

const tablesOf = (columns: readonly ChannelColumn[]) => {
  const tables = new Map<string, ChannelColumn[]>();
  for (const column of columns)
    tables.set(column.table, [...(tables.get(column.table) ?? []), column]);
  return tables;
};

function expectSound(columns: readonly ChannelColumn[], share = 1): void {
  for (const [table, members] of tablesOf(columns)) {
    expect(members.length + 1, table).toBeLessThanOrEqual(MAX_COLUMNS * share);
    expect(rowBytes(members.map(({ type }) => type)), table).toBeLessThanOrEqual(
      MAX_ROW_BYTES * share,
    );
    const names = members.map(({ column }) => column);
    expect(new Set(names).size, table).toBe(names.length);
    for (const name of names) {
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
      expect(['', 'created_time', 'ctid', 'xmin']).not.toContain(name);
    }
  }
}

describe('a layout', () => {
  it('gives each channel one column, of its type, in tables that fit', () => {
    fc.assert(
      fc.property(anyChannels(60), (channels) => {
        const columns = extendLayout([], channels, options);
        expect(columns.map(({ channel }) => channel).toSorted()).toEqual(
          channels.map(({ channel }) => channel).toSorted(),
        );
        const typeOf = new Map(channels.map(({ channel, type }) => [channel, type]));
        for (const { channel, type } of columns) expect(type).toBe(typeOf.get(channel));
        expectSound(columns, 0.9);
      }),
    );
  });

  it('leaves a tenth of each new table to channels that come later, and fills the rest', () => {
    fc.assert(
      fc.property(manyChannels, (channels) => {
        const tables = [...tablesOf(extendLayout([], channels, options))];
        expectSound(
          tables.flatMap(([, members]) => members),
          0.9,
        );
        if (tables.length > 1) expect(tables[0]![0]).toBe('tenant.wide_3a');
      }),
      { numRuns: 10 },
    );
  });

  it('does not depend on the order in which channels come', () => {
    const shuffled = anyChannels(30).chain((channels) =>
      fc.tuple(
        fc.constant(channels),
        fc.shuffledSubarray(channels, { minLength: channels.length, maxLength: channels.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([channels, others]) => {
        expect(extendLayout([], others, options)).toEqual(extendLayout([], channels, options));
      }),
    );
  });

  it('never moves what is there, and adds nothing twice', () => {
    fc.assert(
      fc.property(anyChannels(40), fc.nat(40), (channels, cut) => {
        const first = extendLayout([], channels.slice(0, cut), options);
        const added = extendLayout(first, channels, options);
        expectSound([...first, ...added]);
        const mapped = [...first, ...added].map(({ channel }) => channel);
        expect(new Set(mapped).size).toBe(channels.length);
        expect(mapped).toHaveLength(channels.length);
        expect(extendLayout([...first, ...added], channels, options)).toEqual([]);
      }),
    );
  });

  it('sorts channels into their groups, and those that no list names into the next one', () => {
    const columns = extendLayout([], doubles(1).concat(doubles(3, '/aux/').slice(0, 0)), options);
    expect(columns).toMatchObject([{ group: 3, table: 'tenant.wide_3' }]);
    const listed = ['/engine/1', '/aux/2', '/aux/1'].map((channel) => ({
      channel,
      type: 'double precision' as const,
    }));
    expect(extendLayout([], listed, options)).toMatchObject([
      { channel: '/aux/1', group: 1, table: 'tenant.wide_1' },
      { channel: '/aux/2', group: 1, table: 'tenant.wide_1' },
      { channel: '/engine/1', group: 2, table: 'tenant.wide_2' },
    ]);
  });

  it('shares one table between groups where the template has no {group}', () => {
    const one = { ...options, tableName: () => 'tenant.wide', oneTablePerGroup: false };
    const columns = extendLayout(
      [],
      ['/engine/1', '/aux/1', '/strange'].map((channel) => ({ channel, type: 'text' })),
      one,
    );
    expect(columns.map(({ table, group }) => [table, group])).toEqual([
      ['tenant.wide', 1],
      ['tenant.wide', 2],
      ['tenant.wide', 3],
    ]);
  });

  it('refuses one table for more channels than fit, and says what to change', () => {
    const one = { ...options, tableName: () => 'tenant.wide', oneTablePerGroup: false };
    expect(() => extendLayout([], doubles(1_000), one)).toThrow(
      expect.objectContaining({ code: 'config-invalid', hint: expect.stringContaining('{group}') }),
    );
  });
});

describe('a group that grows', () => {
  it('stays in one table while it fits, a tenth of its room kept free', () => {
    expect([...tablesOf(extendLayout([], doubles(890), options)).keys()]).toEqual([
      'tenant.wide_3',
    ]);
    expect([...tablesOf(extendLayout([], doubles(910), options)).keys()]).toEqual([
      'tenant.wide_3a',
      'tenant.wide_3b',
    ]);
  });

  it('fills the free tenth with channels that come later, then opens the next letter', () => {
    const first = extendLayout([], doubles(890), options);
    const second = extendLayout(first, doubles(990), options);
    expect([...tablesOf(second).keys()]).toEqual(['tenant.wide_3']);
    const third = extendLayout([...first, ...second], doubles(1_100), options);
    expect([...tablesOf(third).keys()]).toEqual(['tenant.wide_3', 'tenant.wide_3a']);
    expectSound([...first, ...second, ...third]);
  });
});

describe('the bytes of a row', () => {
  it.each<[string, ColumnType[], number]>([
    ['only its instant', [], 24 + 8],
    ['a number', ['bigint'], 32 + 8 - 8 + 8],
    ['booleans, with no room between', ['boolean', 'boolean'], 24 + 8 + 2],
    ['a number behind a boolean, aligned', ['boolean', 'double precision'], 24 + 8 + 8 + 8],
    ['a text', ['text'], 24 + 8 + 24],
  ])('with %s', (_what, types, bytes) => {
    expect(rowBytes(types)).toBe(bytes);
  });
});

describe('a column name', () => {
  const none = new Set<string>();

  it.each([
    '/hs4sd_v1/me01/fuel/oil//in_c/temp',
    'A',
    'drop table x; --',
    '"',
    "'",
    'é'.repeat(31),
  ])('is the channel itself: %s', (channel) => {
    expect(columnName(channel, none)).toBe(channel);
  });

  it.each(['x'.repeat(64), 'é'.repeat(32), '😀'.repeat(20), 'created_time', 'xmax', ''])(
    'is short and stable for %s',
    (channel) => {
      const name = columnName(channel, none);
      expect(name).toMatch(/~[0-9a-f]{8}$/);
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
      expect(channel.startsWith(name.slice(0, -9))).toBe(true);
      expect(columnName(channel, none)).toBe(name);
    },
  );

  it('is another one where the name is taken', () => {
    const channel = 'y'.repeat(100);
    const first = columnName(channel, none);
    const second = columnName(channel, new Set([first]));
    expect(second).not.toBe(first);
    expect(columnName('/a', new Set(['/a']))).toMatch(/^\/a~[0-9a-f]{8}$/);
  });

  it('does not change with channels that begin alike', () => {
    const [a, b] = ['z'.repeat(63) + 'a', 'z'.repeat(63) + 'b'];
    expect(columnName(a, none)).not.toBe(columnName(b, none));
  });
});
