import { describe, expect, it } from 'vitest';
import { jsonText, printable, printableLine, printableMessage } from '../../domain/printable.ts';
import { shellWord } from '../../domain/shell-word.ts';

describe('text for a person', () => {
  it.each([
    ['\u001b[2J', String.raw`\x1b[2J`],
    ['a\r\tb\u0000', String.raw`a\r\tb\x00`],
    ['\u009b1m', String.raw`\x9b1m`],
    ['\u202eevil\u2066', String.raw`\u202eevil\u2066`],
    ['\u{e0001}', String.raw`\u{e0001}`],
    ['\ud800', String.raw`\ud800`],
    ['Schiff ü 船 🚢', 'Schiff ü 船 🚢'],
  ])('%j is %s', (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it('keeps its lines, in one line shows them, and in a message sets them in', () => {
    expect(printable('a\nb')).toBe('a\nb');
    expect(printableLine('a\nb')).toBe(String.raw`a\nb`);
    expect(printableMessage('a\nfairlead: b\n  c')).toBe('a\n  fairlead: b\n  c');
  });
});

it('a JSON document is exact, and obeyed by no terminal', () => {
  const value = { ship: '\u001b\u009b\u202e\u{e0001}\nü"\\' };
  const text = jsonText(value);
  expect(JSON.parse(text)).toEqual(value);
  expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});

it.each([
  ['IMO9976903', 'IMO9976903'],
  ['$(reboot)', `'$(reboot)'`],
  [`it's`, `'it'\\''s'`],
  ['', `''`],
])('%s is typed as %s', (word, typed) => {
  expect(shellWord(word)).toBe(typed);
});
