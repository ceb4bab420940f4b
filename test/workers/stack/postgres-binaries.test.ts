import { cp, lstat, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { postgresAccount } from '../../../workers/stack/postgres-account.ts';
import { findPostgresBinaries, nativeFolder } from '../../../workers/stack/postgres-binaries.ts';
import { reported } from '../../reported.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

/** A package as `npm ci --ignore-scripts` leaves it: without the links between its libraries. */
async function packageWithoutLinks(folder: string): Promise<string> {
  const installed = nativeFolder(18);
  const native = join(folder, 'package', 'native');
  await mkdir(native, { recursive: true });
  await cp(installed, native, { recursive: true, verbatimSymlinks: true });
  await writeFile(join(folder, 'package', 'package.json'), '{ "version": "18.0.0-test" }');
  for (const { target } of await linksOf(native)) await rm(join(folder, 'package', target));
  return native;
}

const linksOf = async (native: string): Promise<{ target: string }[]> =>
  JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as { target: string }[];

test('makes the library links that a skipped install script left out', async () => {
  await using folder = await temporaryFolder();
  const native = await packageWithoutLinks(folder.path);
  const { lines, report } = reported();
  const account = await postgresAccount();
  const options = { major: 18, account, copyFolder: folder.path, report } as const;
  const found = await findPostgresBinaries({ ...options, native });
  expect(found.postgres).toBe(join(native, 'bin', 'postgres'));
  expect(found.version).toMatch(/^18\./);
  for (const { target } of await linksOf(native))
    expect((await lstat(join(dirname(native), target))).isSymbolicLink()).toBe(true);
  expect(lines).toEqual([]);
});

test.runIf(process.getuid?.() === 0)(
  'runs from a copy when its account cannot get to the package, and finds the copy again',
  async () => {
    await using closed = await temporaryFolder(0o700);
    await using open = await temporaryFolder();
    const native = await packageWithoutLinks(closed.path);
    const { lines, report } = reported();
    const account = await postgresAccount();
    const options = { major: 18, account, copyFolder: open.path, report, native } as const;
    const found = await findPostgresBinaries(options);
    expect(found.postgres).toBe(join(open.path, 'binaries-18.0.0-test', 'bin', 'postgres'));
    expect(lines.join()).toContain('copying it');
    await expect(findPostgresBinaries(options)).resolves.toEqual(found);
    expect(lines).toHaveLength(1);
  },
);
