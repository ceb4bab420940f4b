import { describe, expect, it } from 'vitest';
import { classifyFailure, FAILURE_RULES, hintToConnect } from '../../domain/classify-failure.ts';
import { kindOfCode, type FailureKind } from '../../domain/errors.ts';

/** The table of docs/errors.md: what each failure of the driver comes to. */
const KINDS: Record<Exclude<FailureKind, 'usage' | 'bug' | 'cancelled'>, string> = {
  transient: `08000 08001 08003 08004 08006 57P01 57P02 57P03 57P05 25P03 53300 53400 40001 40P01 55P03 55006
    58000 58030 ECONNRESET ECONNREFUSED ETIMEDOUT EPIPE EHOSTUNREACH ENETUNREACH ENOTFOUND EAI_AGAIN`,
  'outcome-unknown': '08007 40003',
  'too-big': '25P04 53200 57014',
  data: '22003 22P02 23502 23505 42601 42703 42P01 44000 54000 54011 3F000 P0001',
  operator: '53100 28000 28P01 3D000 42501 25006 ENOSPC',
};
const rows = Object.entries(KINDS).flatMap(([kind, codes]) =>
  codes.split(/\s+/).map((code) => [code, kind] as const),
);

describe('a failure', () => {
  it.each(rows)('%s is %s', (code, kind) => {
    expect(classifyFailure({ code }).kind).toBe(kind);
  });

  it('57014 is too big unless the server says, in English, that somebody cancelled', () => {
    const elsewhere = 'annulation de la requête à cause du délai écoulé pour l’exécution';
    expect(classifyFailure({ code: '57014', message: elsewhere }).code).toBe('statement-timeout');
    const timeout = 'canceling statement due to statement timeout';
    expect(classifyFailure({ code: '57014', message: timeout }).code).toBe('statement-timeout');
    const cancel = 'canceling statement due to user request';
    expect(classifyFailure({ code: '57014', message: cancel }).code).toBe('statement-cancelled');
  });

  it.each([
    'Connection terminated unexpectedly',
    'timeout expired',
    'timeout exceeded when trying to connect',
    'Client has encountered a connection error and is not queryable',
    'Premature close',
  ])('without a code, "%s" is a lost connection', (message) => {
    expect(classifyFailure({ message }).code).toBe('connection-lost');
  });

  it.each([
    { code: '42501' },
    { code: '42P01', message: 'relation "Connection" does not exist' },
    { code: '54000', message: 'row is too big: size 8304, maximum size 8160' },
  ])('with a code, %j is told by its code', (failure) => {
    expect(['permission-denied', 'data-refused', 'row-too-wide']).toContain(
      classifyFailure(failure).code,
    );
  });

  it.each([
    {},
    { message: 'x is not a function' },
    { code: 42 },
    { code: 'ERR_ASSERTION' },
    { code: 'XX000' },
  ])('%j is unexpected', (failure) => {
    expect(classifyFailure(failure)).toEqual({ code: 'unexpected', kind: 'bug' });
  });

  it.each(['HEARTBEAT', 'START_TO_CLOSE', 'SCHEDULE_TO_CLOSE', 'SCHEDULE_TO_START'] as const)(
    'of a worker that does not answer (%s) is a lost worker, never a reason to split',
    (timeout) => {
      const lost = { code: 'worker-lost', kind: 'transient' };
      expect(classifyFailure({ timeout })).toMatchObject(lost);
      expect(classifyFailure({ timeout, bytesFlowed: false })).toMatchObject(lost);
      const whileFlowing = classifyFailure({ timeout, bytesFlowed: true });
      expect(whileFlowing.kind).toBe(timeout === 'START_TO_CLOSE' ? 'too-big' : 'transient');
    },
  );

  it('is too big where PostgreSQL cannot hold a value over 1 GB', () => {
    const [memory, size] = ['out of memory', 'invalid memory alloc request size 1073741824'];
    expect(classifyFailure({ code: '54000', message: memory }).code).toBe('chunk-too-big');
    expect(classifyFailure({ code: 'XX000', message: size }).code).toBe('chunk-too-big');
  });
});

describe('a hint', () => {
  it('names whose database it is', () => {
    const { hint } = classifyFailure({ code: '53100', database: 'target' });
    expect(hint).toBe(
      'Make room on the server of the target database; the migration goes on by itself.',
    );
    expect(classifyFailure({ code: '53100' }).hint).toContain('the server of the database;');
  });

  it('is there for whatever a person or the ledger has to deal with', () => {
    for (const { code, hint } of FAILURE_RULES)
      expect([code, hint]).toEqual([code, expect.stringMatching(/\.$/)]);
  });

  it('to connect names the key and the variable of the URL', () => {
    expect(hintToConnect({ code: '28P01' }, 'source')).toBe(
      'check user and password in [source] url, or FAIRLEAD_SOURCE_URL, and pg_hba.conf of the server',
    );
    expect(hintToConnect({ code: '53100' }, 'source')).toBeUndefined();
    expect(hintToConnect({ code: '28P01' }, 'probing')).toBeUndefined();
  });
});

describe('one table', () => {
  const states = FAILURE_RULES.flatMap(({ states: own = [], saying }) => (saying ? [] : own));

  it('has every SQLSTATE and errno once', () => {
    const errnos = FAILURE_RULES.flatMap((rule) => rule.errnos ?? []);
    for (const list of [states, errnos]) expect(new Set(list).size).toBe(list.length);
  });

  it('has kinds of failures only that a database, a driver or a worker can have', () => {
    const kinds = new Set(FAILURE_RULES.map(({ code }) => kindOfCode[code]));
    expect([...kinds].toSorted()).toEqual(
      ['data', 'operator', 'outcome-unknown', 'too-big', 'transient'].toSorted(),
    );
  });
});
