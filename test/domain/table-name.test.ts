import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillTableTemplate, formatTableName, parseTableName } from '../../domain/table-name.ts';

describe('a table name', () => {
  it.each([
    ['tenant.wide', { schema: 'tenant', name: 'wide' }],
    ['"my schema"."a.b"', { schema: 'my schema', name: 'a.b' }],
    ['Tenant."say ""hi"""', { schema: 'Tenant', name: 'say "hi"' }],
  ])('reads %s', (text, table) => {
    expect(parseTableName(text)).toEqual(table);
  });

  it.each(['wide', '', 'a.b.c', 'a b.c', '"a.b', '.b', 'a.'])('refuses %j', (text) => {
    expect(() => parseTableName(text)).toThrow(RangeError);
  });

  it('is the same after it was written and read', () => {
    const part = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(part, part, (schema, name) => {
        expect(parseTableName(formatTableName({ schema, name }))).toEqual({ schema, name });
      }),
    );
  });
});

describe('a template', () => {
  it('takes the ship in lower case, and the group', () => {
    expect(fillTableTemplate('tenant.t_{ship}_{group}', 'IMO9976903', '1a')).toEqual({
      schema: 'tenant',
      name: 't_imo9976903_1a',
    });
  });

  it.each(['$&', "$'", '{group}', 'a.b', 'a"b', ' '])('takes %j for a ship as it is', (ship) => {
    expect(fillTableTemplate('tenant.t_{ship}_{group}', ship, '1').name).toBe(`t_${ship}_1`);
  });
});
