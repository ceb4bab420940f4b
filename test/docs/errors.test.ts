import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exitCodeOfKind, kindOfCode, type FailureKind } from '../../domain/errors.ts';
import { FAILURE_RULES } from '../../domain/classify-failure.ts';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { failureTable } from './failure-table.ts';
import { provokedBy } from './provoked-by.ts';

const page = readFileSync(join(packageRoot, 'docs', 'errors.md'), 'utf8');
const ENTRY = /^### (\S+)\n\n`([a-z-]+)`, exit code (\d+)\. ([^]*?)(?=\n##|$(?![^]))/gm;
const KIND_ROW = /^\| `([a-z-]+)` .*\| (\d+) +\|$/gm;

const entries = Array.from(page.matchAll(ENTRY), ([, code, kind, exitCode, text]) => ({
  code: code!,
  kind: kind as FailureKind,
  exitCode: Number(exitCode),
  text: text!,
}));

describe('docs/errors.md', () => {
  it('has one entry for every code, with its kind', () => {
    expect(entries.map(({ code }) => code).toSorted()).toEqual(Object.keys(kindOfCode).toSorted());
    expect(Object.fromEntries(entries.map(({ code, kind }) => [code, kind]))).toEqual(kindOfCode);
  });

  it.each(entries)('tells the exit code of $code, and what to type', ({ kind, exitCode, text }) => {
    expect(exitCode).toBe(exitCodeOfKind[kind]);
    expect(text).toContain('**Type:**');
  });

  it('lists every kind with its exit code', () => {
    const kinds = Array.from(page.matchAll(KIND_ROW), ([, kind, code]) => [kind, Number(code)]);
    expect(Object.fromEntries(kinds)).toEqual(exitCodeOfKind);
  });

  it('has the table of the rules, as they are', () => {
    const [, text = ''] = page.split('<!-- test: rules -->\n\n');
    const lines = text.slice(0, text.indexOf('\n\n')).split('\n').map(withoutPadding);
    expect(lines.filter((line) => !line.startsWith('| --'))).toEqual(
      failureTable().map(withoutPadding),
    );
  });

  it('names states only under the code that they have', () => {
    for (const { code, text } of entries)
      for (const [state] of text.matchAll(/\b(?=\w*\d)[0-9][0-9A-Z]{4}\b/g))
        expect(codesOf(state)).toContain(code);
  });
});

const withoutPadding = (line: string): string => line.replace(/ +/g, ' ');

/** One state can be several failures, by what the server says. */
const codesOf = (state: string): string[] => {
  const rules = FAILURE_RULES.filter(
    ({ states }) => states?.includes(state) || states?.includes(state.slice(0, 2)),
  );
  return rules.map(({ code }) => code);
};

describe('every failure of docs/errors.md', () => {
  it.each(Object.entries(provokedBy))('%s is provoked', (code, [file, title, evidence = code]) => {
    const test = readFileSync(join(packageRoot, 'test', file), 'utf8');
    expect([title, evidence].filter((text) => !test.includes(text))).toEqual([]);
    expect(test.includes('MemoryLedger')).toBe(false);
  });
});
