/**
 * Controls, formats (marks that turn the text, or that nobody sees), separators of lines, halves of characters: what a
 * terminal would obey, or a person would not see.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Text for a person: names come from the data, and what they hold is shown and never obeyed. Line breaks stay. */
export const printable = (text: string): string =>
  text.replace(UNPRINTABLE, (found) => (found === '\n' ? found : escapeOf(found)));

/** As {@link printable}, for what stands within one line: a line break is shown too. */
export const printableLine = (text: string): string => text.replace(UNPRINTABLE, escapeOf);

/** As {@link printable}, with all lines but the first set in, so that none of them looks like another message. */
export const printableMessage = (text: string): string =>
  printable(text).replace(/\n(?=\S)/g, '\n  ');

/** One JSON document: as `JSON.stringify` has it, but what a terminal would obey is written as JSON can write it too. */
export const jsonText = (value: unknown): string =>
  JSON.stringify(value).replace(UNPRINTABLE, (found) =>
    Array.from({ length: found.length }, (_, index) => unitOf(found.charCodeAt(index))).join(''),
  );

const unitOf = (unit: number): string => String.raw`\u${unit.toString(16).padStart(4, '0')}`;

const SHORT: Record<string, string> = {
  '\n': String.raw`\n`,
  '\r': String.raw`\r`,
  '\t': String.raw`\t`,
};

function escapeOf(found: string): string {
  const code = found.codePointAt(0)!;
  const digits = code.toString(16);
  if (SHORT[found]) return SHORT[found];
  if (code < 0x100) return String.raw`\x${digits.padStart(2, '0')}`;
  return code < 0x10000 ? String.raw`\u${digits.padStart(4, '0')}` : String.raw`\u{${digits}}`;
}
