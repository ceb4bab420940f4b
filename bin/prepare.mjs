#!/usr/bin/env node
// Makes a checkout ready to run: installs the locked packages when they are missing or older than the
// lock file, and compiles the sources when one of them is newer than the last build. Plain JavaScript
// on Node alone, because nothing else is installed yet when it runs.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sourceFolders = [
  'domain',
  'workflows',
  'activities',
  'workers',
  'cli',
  'test',
  'bench',
  'simulator',
  'release',
];

/** Installs and builds what is missing or out of date; a package installed from a tarball has nothing to do. */
export function prepare({ force = false } = {}) {
  refuseOldNode();
  if (!existsSync(join(root, 'tsconfig.json'))) return;
  if (!isInstalled()) install();
  if (force || !isBuilt()) build();
}

function refuseOldNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  stop(
    2,
    `Node ${process.versions.node} is too old: Fairlead needs 20.19 or newer. Install it, then repeat the command.`,
  );
}

/** The lock file's hash, kept in node_modules after an install that ended well. */
const installStamp = join(root, 'node_modules', '.fairlead-lock');
const lockHash = () =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
const isInstalled = () =>
  existsSync(installStamp) && readFileSync(installStamp, 'utf8') === lockHash();

function install() {
  say('installing packages (npm ci)');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(installStamp, lockHash());
}

const buildStamp = join(root, 'dist', '.built');

function isBuilt() {
  if (!existsSync(buildStamp)) return false;
  const builtAt = statSync(buildStamp).mtimeMs;
  const inputs = [
    'package-lock.json',
    'tsconfig.json',
    'index.ts',
    ...sourceFolders.flatMap(filesBelow),
  ];
  return inputs.every((file) => statSync(join(root, file)).mtimeMs <= builtAt);
}

const filesBelow = (folder) =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true }).map((name) => join(folder, String(name)))
    : [];

function build() {
  say('compiling');
  const startedAt = new Date();
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc')]);
  run(process.execPath, [join(root, 'dist', 'workers', 'bundle-workflows.js')]);
  writeFileSync(buildStamp, startedAt.toISOString());
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32' && command === 'npm',
  });
  if (error) stop(75, `${command} did not start: ${error.message}`);
  if (status !== 0)
    stop(
      75,
      `${command} ${args.join(' ')} ended with ${status}. What it printed is above; then repeat the command.`,
    );
}

const say = (message) => process.stderr.write(`fairlead: ${message}\n`);

function stop(exitCode, message) {
  say(message);
  process.exit(exitCode);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  prepare({ force: process.argv.includes('--force') });
