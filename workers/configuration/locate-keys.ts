export type KeyPath = readonly PropertyKey[];

/**
 * Finds the line on which each key and each element of an array stands, because the TOML parser tells only values.
 *
 * @param toml a document that parses
 * @returns the line, counted from 1, of a path or of its nearest known parent
 */
export function locateKeys(toml: string): (path: KeyPath) => number | undefined {
  const lines = new KeyScanner(toml).scan();
  return (path) => {
    for (let length = path.length; length > 0; length--) {
      const line = lines.get(keyOf(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return undefined;
  };
}

const keyOf = (path: KeyPath): string => JSON.stringify(path);

class KeyScanner {
  readonly #text: string;
  readonly #lines = new Map<string, number>();
  /** How many `[[…]]` there were of each path. */
  readonly #counts = new Map<string, number>();
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): Map<string, number> {
    let table: PropertyKey[] = [];
    for (this.#skipBlank(); this.#at < this.#text.length; this.#skipBlank()) {
      if (this.#peek('[')) table = this.#header();
      else this.#pair(table);
    }
    return this.#lines;
  }

  #peek(token: string): boolean {
    return this.#text.startsWith(token, this.#at);
  }

  #advance(count = 1): void {
    const end = this.#at + count;
    for (; this.#at < end; this.#at++) if (this.#text[this.#at] === '\n') this.#line++;
  }

  /** White space, line ends, comments, and `separators`. */
  #skipBlank(separators = ''): void {
    for (; this.#at < this.#text.length;) {
      if (this.#peek('#')) this.#advance(this.#match(/[^\n]*/y).length);
      else if (/\s/.test(this.#text[this.#at]!) || separators.includes(this.#text[this.#at]!))
        this.#advance();
      else return;
    }
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0] ?? '';
  }

  #note(path: KeyPath): void {
    if (!this.#lines.has(keyOf(path))) this.#lines.set(keyOf(path), this.#line);
  }

  /** `[a.b]` or `[[a.b]]`; a part that was an array of tables means its newest one. */
  #header(): PropertyKey[] {
    const isArray = this.#peek('[[');
    this.#advance(isArray ? 2 : 1);
    const names = this.#dottedKey();
    this.#advance(this.#match(/[ \t]*\]{1,2}/y).length);
    const path: PropertyKey[] = [];
    for (const [index, name] of names.entries()) {
      path.push(name);
      const id = keyOf(path);
      if (isArray && index === names.length - 1)
        this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
      const count = this.#counts.get(id);
      if (count !== undefined) path.push(count - 1);
    }
    this.#lines.set(keyOf(path), this.#line);
    return path;
  }

  #pair(table: KeyPath): void {
    const path = [...table, ...this.#dottedKey()];
    this.#note(path);
    this.#advance(this.#match(/[ \t]*=[ \t]*/y).length);
    this.#value(path);
  }

  #dottedKey(): string[] {
    const names: string[] = [];
    do {
      this.#advance(this.#match(/[ \t.]*/y).length);
      names.push(this.#peek('"') || this.#peek("'") ? this.#string() : this.#take(/[\w-]+/y));
    } while (this.#match(/[ \t]*\./y) !== '');
    this.#advance(this.#match(/[ \t]*/y).length);
    return names;
  }

  #take(pattern: RegExp): string {
    const found = this.#match(pattern);
    this.#advance(Math.max(1, found.length));
    return found;
  }

  #string(): string {
    const raw =
      this.#match(/"""(?:[^\\]|\\[^])*?"{3,5}|'''[^]*?'{3,5}/y) ||
      this.#match(/"(?:[^"\\\n]|\\.)*"|'[^'\n]*'/y);
    this.#advance(Math.max(1, raw.length));
    return raw.startsWith('"') ? unescape(raw.slice(1, -1)) : raw.slice(1, -1);
  }

  #value(path: KeyPath): void {
    if (this.#peek('[')) this.#elements(path);
    else if (this.#peek('{')) this.#inlineTable(path);
    else if (this.#peek('"') || this.#peek("'")) this.#string();
    else this.#take(/[^\n,\]}#]+/y);
  }

  #elements(path: KeyPath): void {
    this.#advance();
    for (let index = 0; ; index++) {
      this.#skipBlank(',');
      if (this.#at >= this.#text.length || this.#peek(']')) break;
      this.#note([...path, index]);
      this.#value([...path, index]);
    }
    this.#advance();
  }

  #inlineTable(path: KeyPath): void {
    this.#advance();
    for (;;) {
      this.#skipBlank(',');
      if (this.#at >= this.#text.length || this.#peek('}')) break;
      this.#pair(path);
    }
    this.#advance();
  }
}

function unescape(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return text;
  }
}
