import type { Variables } from './compose-file.ts';

/**
 * What docker compose makes of `${NAME}`, `${NAME:-default}` and `${NAME:?message}`, also inside of one another, and
 * of `$$`.
 *
 * @throws with the message, where a variable that must be set is not; for any other form
 */
export function interpolate(
  text: string,
  variables: Variables,
  onUse: (name: string) => void = () => {},
): string {
  let result = '';
  for (let at = 0; at < text.length;) {
    if (text.startsWith('$$', at)) {
      result += '$';
      at += 2;
    } else if (text.startsWith('${', at)) {
      const end = closingBrace(text, at + 2);
      result += substitute(text.slice(at + 2, end), variables, onUse);
      at = end + 1;
    } else if (text[at] === '$') {
      throw new Error(`a single $ in ${text}`);
    } else result += text[at++];
  }
  return result;
}

function closingBrace(text: string, from: number): number {
  for (let at = from, depth = 1; at < text.length; at++) {
    if (text.startsWith('${', at)) depth++;
    if (text[at] === '}' && --depth === 0) return at;
  }
  throw new Error(`no closing brace in ${text}`);
}

function substitute(
  expression: string,
  variables: Variables,
  onUse: (name: string) => void,
): string {
  const found = /^(\w+)(:-|:\?|$)([^]*)$/.exec(expression);
  if (!found) throw new Error(`\${${expression}} has a form that is not known here`);
  const [, name = '', operator, rest = ''] = found;
  onUse(name);
  const otherwise = operator === ':-' ? interpolate(rest, variables, onUse) : '';
  if (operator === ':?' && !variables[name]) throw new Error(`${name}: ${rest}`);
  return variables[name] || otherwise;
}
