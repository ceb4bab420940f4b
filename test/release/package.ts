import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { findTemporalCli } from '../../workers/stack/temporal-cli.ts';

// Run by `npm run test:package`: it builds `dist` anew and installs from the registry.

const folder = mkdtempSync(join(tmpdir(), 'fairlead-package-'));
chmodSync(folder, 0o755);
const { FAIRLEAD_HOME: _home, TEMPORAL_ADDRESS: _address, ...env } = process.env;

function run(command: string, args: string[], cwd = folder): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
  expect(status, `${command} ${args.join(' ')}\n${stdout}${stderr}`).toBe(0);
  return stdout;
}

const npx = (...args: string[]) => run('npx', ['--no-install', 'fairlead', ...args]);

const readJson = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8'));

let packed: string[];

/** The servers need the Temporal CLI, which is fetched once into the checkout's cache. */
async function linkTemporalCli(): Promise<void> {
  const report = () => {};
  const cacheFolder = join(packageRoot, '.fairlead', 'cache');
  const { path } = await findTemporalCli({ cacheFolder, report });
  await mkdir(join(folder, '.fairlead', 'cache'), { recursive: true });
  await symlink(path, join(folder, '.fairlead', 'cache', basename(path)));
}

beforeAll(async () => {
  const [{ filename, files }] = JSON.parse(
    run('npm', ['pack', '--json', '--silent', '--pack-destination', folder], packageRoot),
  ) as [{ filename: string; files: { path: string }[] }];
  packed = files.map(({ path }) => path);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }');
  run('npm', ['install', '--no-audit', '--no-fund', join(folder, filename)]);
  await linkTemporalCli();
});

afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));

describe.sequential('the packed package, installed in an empty folder', () => {
  it('holds what it needs to run, and nothing else', () => {
    expect(packed).toEqual(
      expect.arrayContaining([
        'CHANGELOG.md',
        'LICENSE',
        'README.md',
        'channels/engine.txt',
        'data/plaka.csv.gz',
        'dist/cli/main.js',
        'dist/fairlead.cdx.json',
        'dist/index.d.ts',
        'dist/workflows.bundle.js',
        'docs/errors.md',
        'fairlead.example.toml',
      ]),
    );
    const others = /(^|\/)(test|bench|release|node_modules|packages)\/|\.map$|(?<!\.d)\.ts$/;
    expect(packed.filter((path) => others.test(path))).toEqual([]);
  });

  it('tells nothing of the machine that built it', () => {
    const bundle = readFileSync(join(packageRoot, 'dist', 'workflows.bundle.js'), 'utf8');
    const map = Buffer.from(bundle.slice(bundle.lastIndexOf('base64,') + 7), 'base64').toString();
    expect(JSON.parse(map).sources).toContain('workflows/migrate-ship.ts');
    expect(`${bundle}${map}`.includes(packageRoot)).toBe(false);
  });

  it('leaves PostgreSQL 13 to the tests', () => {
    const { dependencies, optionalDependencies } = readJson(packageRoot, 'package.json');
    expect(Object.keys({ ...dependencies, ...optionalDependencies }).join()).not.toContain('-13');
    expect(run('npm', ['ls', '--all'])).not.toContain('@13.');
  });

  it('tells its version and its commands', () => {
    const { version } = readJson(packageRoot, 'package.json');
    expect(npx('--version').trim()).toBe(version);
    expect(npx('--help')).toContain('migrate');
  });

  it('runs the demo to its proof', () => {
    const { ships, sensors } = JSON.parse(npx('demo', '--json')) as {
      ships: { verified: boolean }[];
      sensors: { verified: boolean }[];
    };
    expect(ships.map(({ verified }) => verified)).toEqual([true, true, true]);
    expect(sensors).toMatchObject([{ verified: true }]);
  });

  it('gives a program of the user types and messages that work', async () => {
    const page = readFileSync(join(packageRoot, 'docs', 'library.md'), 'utf8');
    const [, program] = /<!-- test: library -->\n\n```ts\n([^]*?)```/.exec(page)!;
    const types = ['--types', 'node', '--typeRoots', join(packageRoot, 'node_modules', '@types')];
    mkdirSync(join(folder, 'src'));
    writeFileSync(join(folder, 'src', 'program.ts'), program!);
    const tsc = join(packageRoot, 'node_modules', 'typescript', 'bin', 'tsc');
    const strict = '--strict --module nodenext --target es2023 --skipLibCheck --outDir out';
    run(process.execPath, [tsc, ...strict.split(' '), ...types, 'src/program.ts']);
    await using stack = await startStack();
    const told = run(process.execPath, ['out/program.js', 'IMO9976903', stack.temporalAddress]);
    expect(told).toBe('IMO9976903: finished, 100 %, 1514880 cells\n');
  });
});

/** `fairlead up`, on what the demo left. */
async function startStack(): Promise<AsyncDisposable & { temporalAddress: string }> {
  const main = join('node_modules', 'fairlead', 'bin', 'fairlead.mjs');
  const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit'];
  const child = spawn(process.execPath, [main, 'up', '--json'], { cwd: folder, env, stdio });
  const ended = once(child, 'close');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { temporalAddress } = JSON.parse(line) as { temporalAddress: string };
  return {
    temporalAddress,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
