import { describe, expect, it } from 'vitest';
import { classifyFailure } from '../../domain/classify-failure.ts';
import { kindOfCode, type FailureKind } from '../../domain/errors.ts';

/** The table of docs/errors.md: what each failure of the driver comes to. */
const KINDS: Record<Exclude<FailureKind, 'usage' | 'bug' | 'cancelled'>, string> = {
  transient: `08000 08001 08003 08004 08006 57P01 57P02 57P03 57P05 25P03 53300 53400 40001 40P01 55P03 55006
    58000 58030 57014 ECONNRESET ECONNREFUSED ETIMEDOUT EPIPE EHOSTUNREACH ENETUNREACH ENOTFOUND EAI_AGAIN`,
  'outcome-unknown': '08007 40003',
  'too-big': '25P04 53200',
  data: '22003 22P02 23502 23505 42601 42703 42P01 54000 54011',
  operator: '53100 28000 28P01 3D000 42501 25006 ENOSPC',
};
const rows = Object.entries(KINDS).flatMap(([kind, codes]) =>
  codes.split(/\s+/).map((code) => [code, kind] as const),
);

describe('a failure', () => {
  it.each(rows)('%s is %s', (code, kind) => {
    expect(kindOfCode[classifyFailure({ code })]).toBe(kind);
  });

  it('57014 is too big only when the server says that it ran out of time', () => {
    const timeout = 'canceling statement due to statement timeout';
    expect(classifyFailure({ code: '57014', message: timeout })).toBe('statement-timeout');
    const cancel = 'canceling statement due to user request';
    expect(classifyFailure({ code: '57014', message: cancel })).toBe('statement-cancelled');
  });

  it.each([
    'Connection terminated unexpectedly',
    'timeout expired',
    'timeout exceeded when trying to connect',
    'Client has encountered a connection error and is not queryable',
    'Premature close',
  ])('without a code, "%s" is a lost connection', (message) => {
    expect(classifyFailure({ message })).toBe('connection-lost');
  });

  it.each([
    { code: '42501' },
    { code: '42P01', message: 'relation "Connection" does not exist' },
    { code: '54000', message: 'row is too big: size 8304, maximum size 8160' },
  ])('with a code, %j is told by its code', (failure) => {
    expect(['permission-denied', 'data-refused', 'row-too-wide']).toContain(
      classifyFailure(failure),
    );
  });

  it.each([
    {},
    { message: 'x is not a function' },
    { code: 42 },
    { code: 'ERR_ASSERTION' },
    { code: 'XX000' },
  ])('%j is unexpected', (failure) => {
    expect(classifyFailure(failure)).toBe('unexpected');
  });
});
