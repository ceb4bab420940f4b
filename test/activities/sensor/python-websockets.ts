import { mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastLine, runCommand } from '../../../workers/stack/run-command.ts';

/** The wheel that is the same for every Python from 3.9 on, and every machine. */
const VERSION = '15.0.1';
const SHA256 = 'f7a866fbc1e97b5c617ee4116daaa09b722101d4a3c170c787450ba409f9736f';

const cache = fileURLToPath(new URL('../../../.fairlead/cache/', import.meta.url));
const folder = join(cache, `python-websockets-${VERSION}`);
const INSTALL_WITHIN_MS = 60_000;

export interface PythonWebsockets {
  python: string;
  /** To be given to Python as `PYTHONPATH`. */
  folder: string;
}

/**
 * Python's `websockets`, fetched once from PyPI into the project's cache.
 *
 * @throws {Error} why it is not to be had here, in one line: no Python, an old one, no pip, no network
 */
export async function findPythonWebsockets(): Promise<PythonWebsockets> {
  const python = await findPython();
  if (!(await isThere(folder))) await install(python);
  return { python, folder };
}

/** The program itself, not a shim that starts it: the tests stop it by its process id. */
async function findPython(): Promise<string> {
  const question = 'import sys; print(sys.executable if sys.version_info >= (3, 9) else "")';
  const { code, stdout } = await runCommand('python3', ['-c', question], {
    timeoutMs: 20_000,
  }).catch(() => ({ code: 1, stdout: '' }));
  if (code !== 0) throw new Error('there is no python3 here');
  const path = stdout.trim();
  if (path === '') throw new Error('python3 is older than 3.9');
  return path;
}

/** Another run may do the same at the same time: what is in the cache is whole. */
async function install(python: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const draft = await mkdtemp(join(cache, 'fetch-websockets-'));
  try {
    const [list, target] = [join(draft, 'requirements.txt'), join(draft, 'packages')];
    await writeFile(list, `websockets==${VERSION} --hash=sha256:${SHA256}\n`);
    const { code, stderr } = await runCommand(python, pipWords(list, target), {
      timeoutMs: INSTALL_WITHIN_MS,
    });
    if (code !== 0)
      throw new Error(`websockets ${VERSION} could not be installed: ${lastLine(stderr)}`);
    await rename(target, folder).catch(async (error: unknown) => {
      if (!(await isThere(folder))) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true, maxRetries: 3 });
  }
}

const INSTALL =
  '-m pip --disable-pip-version-check --no-input install --quiet --retries 0 --timeout 8 --no-deps ' +
  '--require-hashes --only-binary=:all: --platform any --implementation py --abi none';

const pipWords = (list: string, target: string): string[] => [
  ...INSTALL.split(' '),
  '--target',
  target,
  '--requirement',
  list,
];

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
