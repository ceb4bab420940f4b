import { expect, it } from 'vitest';
import { interpolate } from './interpolate.ts';

const of = (text: string) => interpolate(text, { A: 'one', EMPTY: '' });

it('sets variables into a text as docker compose does', () => {
  expect(of('${A}-${B:-two}-${EMPTY:-three}')).toBe('one-two-three');
  expect(of('${B:-x${A}${C:-y}}$$A')).toBe('xoney$A');
  expect(() => of('${B:?say it}')).toThrow('B: say it');
});

it('refuses what it does not know', () => {
  expect(() => of('$A')).toThrow('a single $ in $A');
  expect(() => of('${A+b}')).toThrow('${A+b} has a form that is not known here');
  expect(() => of('${A')).toThrow('no closing brace in ${A');
});
