import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exitCodeOfKind, kindOfCode, type FailureKind } from '../../domain/errors.ts';
import { packageRoot } from '../../workers/configuration/package-root.ts';

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
});
