import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Copy, DockerfileParser, From } from 'dockerfile-ast';
import { expect, it } from 'vitest';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { readText } from './compose-file.ts';
import { filesOfContext } from './build-context.ts';

const instructions = DockerfileParser.parse(readText('Dockerfile')).getInstructions();
const context = filesOfContext();

it('starts from one version of Node, in several stages', () => {
  const stages = instructions.filter((instruction) => instruction instanceof From);
  const [first, ...others] = stages.map((stage) => stage.getImage());
  expect(first).toMatch(/^node:\d+\.\d+\.\d+-bookworm-slim$/);
  expect(new Set(others)).toEqual(new Set(['base']));
});

it('copies what is in its context', () => {
  const copies = instructions
    .filter((instruction) => instruction instanceof Copy)
    .filter((copy) => copy.getFromFlag() === null);
  const sources = copies.flatMap((copy) =>
    copy
      .getArguments()
      .slice(0, -1)
      .map((argument) => argument.getValue()),
  );
  expect(sources.length).toBeGreaterThan(5);
  for (const source of sources) {
    expect(existsSync(join(packageRoot, source)), source).toBe(true);
    const isIn = (file: string) =>
      source === '.' || file === source || file.startsWith(`${source}/`);
    expect(context.some(isIn), `${source} is left out by .dockerignore`).toBe(true);
  }
});

it('has all sources of the program in its context, and nothing private', () => {
  expect(context).toEqual(
    expect.arrayContaining(['bin/fairlead.mjs', 'cli/main.ts', 'workers/bundle-workflows.ts']),
  );
  const folders = new Set(context.map((file) => file.split('/')[0]));
  for (const left of ['.env', '.git', '.fairlead', 'node_modules', 'dist', 'test', 'data'])
    expect(folders).not.toContain(left);
});

it('runs as a normal user', () => {
  const last = instructions.findLast((instruction) => instruction.getInstruction() === 'USER');
  expect(last?.getArgumentsContent()).toBe('node');
});
