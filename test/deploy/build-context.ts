import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import dockerignore from '@balena/dockerignore';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { readText } from './compose-file.ts';

/** Folders that are large, and are looked into only where .dockerignore takes them in. */
const LARGE = new Set(['node_modules', '.git', '.fairlead', 'dist']);

/** What `docker build .` would send: the paths of all files that .dockerignore leaves in. */
export function filesOfContext(): string[] {
  const filter = dockerignore.default().add(readText('.dockerignore'));
  const takesIn = (name: string) => !filter.ignores(join(name, 'any'));
  const top = readdirSync(packageRoot, { withFileTypes: true });
  const all = top.flatMap((entry) => {
    if (!entry.isDirectory()) return [entry.name];
    return LARGE.has(entry.name) && !takesIn(entry.name) ? [] : filesBelow(entry.name);
  });
  return filter.filter(all);
}

const filesBelow = (folder: string): string[] =>
  readdirSync(join(packageRoot, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(packageRoot.length + 1));
