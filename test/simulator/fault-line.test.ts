import { expect, it } from 'vitest';
import { parseFaultLine } from '../../simulator/fault-line.ts';

it.each([
  ['silent', { name: 'silent', options: {} }],
  ['silent on points', { name: 'silent', options: { stream: 'points' } }],
  ['close 1011', { name: 'close', options: { code: 1011 } }],
  [
    'close 1011 Writing buffer is full keep',
    { name: 'close', options: { code: 1011, reason: 'Writing buffer is full', keep: true } },
  ],
  [
    'close 1006 output afterMs=50',
    { name: 'close', options: { code: 1006, stream: 'output', afterMs: 50 } },
  ],
  ['reset keep at=accept', { name: 'reset', options: { keep: true, at: 'accept' } }],
  ['trickle 100', { name: 'trickle', options: { everyMs: 100 } }],
  ['garbage text every=3', { name: 'garbage', options: { kind: 'text', every: 3 } }],
  ['health 5', { name: 'health', options: { master: 5 } }],
  [
    'rest 500 times=2 method=PUT path=zone',
    { name: 'rest', options: { status: 500, times: 2, method: 'PUT', path: 'zone' } },
  ],
  ['rest prose', { name: 'rest', options: { kind: 'prose' } }],
])('reads "%s"', (line, expected) => {
  expect(parseFaultLine(line)).toEqual({ order: 'set', ...expected });
});

it.each([
  ['clear', { order: 'clear' }],
  ['clear mute', { order: 'clear', name: 'mute' }],
  ['mute off', { order: 'clear', name: 'mute' }],
])('reads "%s" as the end of a fault', (line, expected) => {
  expect(parseFaultLine(line)).toEqual(expected);
});

it.each([
  ['slient', 'there is no fault "slient"; there are silent'],
  ['clear slient', 'there is no fault'],
  ['close 99', 'close: code'],
  ['silent loudly', 'silent does not know "loudly"'],
  ['garbage rubbish', 'garbage: kind'],
  ['rest prose verbose', 'rest does not know'],
  ['slow every=1', 'slow:'],
  [`close 1011 ${'x'.repeat(124)}`, '123 bytes'],
])('refuses "%s"', (line, message) => {
  expect(() => parseFaultLine(line)).toThrow(message);
});
