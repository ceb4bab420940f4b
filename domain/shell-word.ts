/** A word of a command that a person is told to type: in single quotes where a shell would make something else of it. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;

export const shellWords = (words: readonly string[]): string => words.map(shellWord).join(' ');
