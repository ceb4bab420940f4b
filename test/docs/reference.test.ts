import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands } from '../../cli/commands.ts';
import { configurationKeys } from '../../release/configuration-keys.ts';
import { exampleFile } from '../../release/example-file.ts';
import { referencePage } from '../../release/reference-page.ts';
import { knownKeys } from '../../workers/configuration/faults.ts';
import { packageRoot } from '../../workers/configuration/package-root.ts';

const read = (...path: string[]): string => readFileSync(join(packageRoot, ...path), 'utf8');
const HOW = 'it is not what the sources say: npm run reference';

describe('docs/reference.md', () => {
  it('is what the schema and the commands say', async () => {
    expect(read('docs', 'reference.md'), HOW).toBe(await referencePage());
  });

  it('has every key of the configuration', () => {
    const sections = configurationKeys();
    expect(sections.map(({ name }) => name)).toEqual(knownKeys([]));
    for (const { name, repeated, keys } of sections)
      expect(keys.map((key) => key.name)).toEqual(knownKeys(repeated ? [name, 0] : [name]));
  });

  it('has every command, and of a group its own', async () => {
    const headings = Array.from((await referencePage()).matchAll(/^### fairlead(.*)$/gm)).map(
      ([, words]) => words!.trim(),
    );
    expect(headings.filter((words) => words && !words.includes(' '))).toEqual(
      commands.map(({ name }) => name),
    );
    expect(headings).toEqual(expect.arrayContaining(['sensor hold', 'sensr zones get']));
  });
});

describe('fairlead.example.toml', () => {
  it('is what the schema says', () => {
    expect(read('fairlead.example.toml'), HOW).toBe(exampleFile());
  });
});
