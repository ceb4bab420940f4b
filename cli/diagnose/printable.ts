/**
 * What came out of a log, for a terminal: characters that would move the cursor, colour or turn the text around are
 * shown as `·`.
 */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '·');

/** A name for what has none. */
export const named = (text: string): string => printable(text) || '(none)';
