import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../workers/configuration/package-root.ts';

const SOURCE_FOLDERS = 'domain workflows activities workers cli test bench release bin'.split(' ');

const read = (file: string): string => readFileSync(join(packageRoot, file), 'utf8');

const filesBelow = (folder: string, suffix: RegExp): string[] =>
  readdirSync(join(packageRoot, folder), { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((file) => suffix.test(file));

const sources = SOURCE_FOLDERS.flatMap((folder) => filesBelow(folder, /\.(ts|mjs)$/));
const pages = ['README.md', 'CHANGELOG.md', 'data/README.md', ...filesBelow('docs', /\.md$/)];

/** The anchors of a page: its headings as GitHub spells them, and those that stand there as `<a id>`. */
function anchorsOf(file: string): string[] {
  const text = read(file);
  const headings = Array.from(text.matchAll(/^#+ (.+)$/gm), ([, title]) => slugOf(title!));
  return [...headings, ...Array.from(text.matchAll(/<a id="([^"]+)">/g), ([, id]) => id!)];
}

const slugOf = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');

/** @returns what is wrong with a target such as `docs/migration.md#chunks`, as seen from a folder */
function faultOf(target: string, folder: string, from: string): string[] {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? from : relative(packageRoot, resolve(packageRoot, folder, path));
  if (!existsSync(join(packageRoot, file))) return [`${from}: ${target} is not there`];
  if (anchor === undefined || anchorsOf(file).includes(anchor)) return [];
  return [`${from}: ${file} has no #${anchor}`];
}

describe('documentation', () => {
  it('has the page and the section that a doc comment names', () => {
    const faults = sources.flatMap((file) =>
      Array.from(read(file).matchAll(/\bdocs\/[a-z-]+\.md(?:#[a-z0-9-]+)?/g)).flatMap(([target]) =>
        faultOf(target, '.', file),
      ),
    );
    expect(faults).toEqual([]);
  });

  it.each(pages)('links from %s to what is there', (page) => {
    const prose = read(page).replace(/^```[^]*?^```$/gm, '');
    const targets = Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ([, target]) => target!);
    const own = targets.filter((target) => !/^[a-z]+:/.test(target));
    expect(own.flatMap((target) => faultOf(target, dirname(page), page))).toEqual([]);
  });
});
