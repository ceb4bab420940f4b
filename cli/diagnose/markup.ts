/** Markup that is safe to be put into a page. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Content = Markup | string | number | readonly Content[];

/** A template of markup: whatever is put into it is text, and escaped, unless it is markup itself. */
export const markup = (parts: TemplateStringsArray, ...contents: Content[]): Markup =>
  new Markup(String.raw({ raw: parts }, ...contents.map(textOf)));

function textOf(content: Content): string {
  if (content instanceof Markup) return content.text;
  if (typeof content === 'object') return content.map(textOf).join('');
  return escaped(String(content));
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Control characters have no place in a page: they are shown as `·`. */
const escaped = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}]/gu, '·').replace(/[&<>"']/g, (character) => ESCAPES[character]!);
