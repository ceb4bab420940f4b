import { describe, expect, it } from 'vitest';
import { formatPostProc, parsePostProc } from '../../domain/post-proc.ts';
import { parseInstant } from '../../domain/time.ts';

const NOW = parseInstant('2025-11-25T10:00:00Z');
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (text: string) => parsePostProc(bytes(text), NOW);
const LINE = 'IMO9986063,2025-06-15 14:40:40.388958,2025-06-15 20:40:40.388958';

describe('post_proc.csv', () => {
  it('is read to the microsecond', () => {
    const { ranges, faults } = parse(`${LINE}\n`);
    expect(faults).toEqual([]);
    expect(ranges).toEqual([
      {
        line: 1,
        ship: 'IMO9986063',
        fromUs: parseInstant('2025-06-15T14:40:40.388958Z'),
        toUs: parseInstant('2025-06-15T20:40:40.388958Z'),
      },
    ]);
  });

  it.each([
    ['no line feed at its end', LINE],
    ['CRLF', `${LINE}\r\n`],
    ['a byte order mark', `\uFEFF${LINE}\n`],
    ['blank lines', `\n  \n${LINE}\n\n`],
    ['blanks around fields', LINE.replaceAll(',', ' , ')],
    ['quotes', `"${LINE.replaceAll(',', '","')}"\n`],
    ['ISO 8601', LINE.replaceAll(' ', 'T').replaceAll('958', '958Z')],
  ])('may have %s', (_, text) => {
    const { ranges, faults, header } = parse(text);
    expect({ faults, header }).toEqual({ faults: [], header: undefined });
    expect(ranges.map(formatPostProc).join('')).toBe(`${LINE}\n`);
  });

  it('may have a header, which is told', () => {
    const { ranges, faults, header } = parse(`\uFEFFship,from,to\r\n${LINE}\r\n`);
    expect(header).toBe('ship,from,to');
    expect([ranges.length, faults.length]).toEqual([1, 0]);
  });

  it.each(['a,b', '"quoted"', 'two\nlines', 'cr\r', ' blank ', "it's", 'a"b', '"', '\n'])(
    'has the ship %j as it is',
    (ship) => {
      const [range] = parse(`${LINE}\n`).ranges;
      const text = formatPostProc({ ...range!, ship });
      const { ranges, faults } = parse(`${text}${LINE}\n`);
      expect(faults).toEqual([]);
      expect(ranges.map((found) => found.ship)).toEqual([ship, 'IMO9986063']);
      expect(ranges[1]!.line).toBe(text.split('\n').length);
    },
  );

  it('tells of a quote that nothing closes with its line, and of the others too', () => {
    const { faults } = parse(`"IMO,${LINE}\n${LINE}\nno,range\n`);
    expect(faults.map(({ line }) => line)).toEqual([1, 3]);
  });

  it('may be empty', () => {
    for (const text of ['', '\n', '\uFEFF', '\r\n\r\n', 'ship,from,to\n'])
      expect(parse(text)).toMatchObject({ ranges: [], faults: [] });
  });

  it('tells all its faults, each with its line', () => {
    const { ranges, faults } = parse(
      [
        LINE,
        'IMO9986063,2025-02-30 00:00:00,2025-03-01 00:00:00',
        'IMO9986063,15/06/2025 14:40,yesterday',
        '',
        'IMO9986063,2025-06-15 02:00:00,2025-06-15 02:00:00',
        'IMO9986063;2025-06-15 02:00:00;2025-06-15 04:00:00',
        'IMO9986063,2025-06-15 02:00:00,2025-06-15 04:00:00,timeout',
        ',2025-06-15 02:00:00,2025-06-15 04:00:00',
        'IMO9986063,2025-11-25 08:00:00,2025-11-25 12:00:00',
        'IMO9986063,0001-01-01 00:00:00,2025-11-25 08:00:00',
        'ship,from,to',
      ].join('\n'),
    );
    expect(ranges).toHaveLength(1);
    expect(faults.map(({ line, message }) => `${line}: ${message}`)).toEqual([
      '2: "2025-02-30 00:00:00" is no time that the calendar has',
      '3: "15/06/2025 14:40" is no ISO 8601 time, such as 2025-06-15T02:00:00Z',
      '3: "yesterday" is no ISO 8601 time, such as 2025-06-15T02:00:00Z',
      '5: from 2025-06-15 02:00:00 is not before to 2025-06-15 02:00:00',
      '6: has 1 field, expected 3: ship,from,to',
      '7: has 4 fields, expected 3: ship,from,to',
      '8: has no ship',
      '9: to 2025-11-25 12:00:00 lies in the future',
      '10: from 0001-01-01 00:00:00 is before 1715',
      '11: "from" is no ISO 8601 time, such as 2025-06-15T02:00:00Z',
      '11: "to" is no ISO 8601 time, such as 2025-06-15T02:00:00Z',
    ]);
  });

  it('tells which lines are not UTF-8', () => {
    const broken = Buffer.concat([bytes(`${LINE}\n`), Buffer.from([0xff, 0xfe, 10]), bytes(LINE)]);
    const { ranges, faults } = parsePostProc(broken, NOW);
    expect(ranges.map(({ line }) => line)).toEqual([1, 3]);
    expect(faults).toEqual([{ line: 2, message: 'is not UTF-8' }]);
  });
});
