import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { commands } from '../../cli/commands.ts';
import { runCommandLine } from '../../cli/run-command-line.ts';
import { packageRoot } from '../../workers/configuration/package-root.ts';

let [out, err] = ['', ''];

beforeEach(() => {
  [out, err] = ['', ''];
  process.exitCode = undefined;
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true));
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  process.exitCode = undefined;
});

async function run(...argv: string[]) {
  await runCommandLine(argv);
  return { out, err, exitCode: process.exitCode ?? 0 };
}

describe('fairlead', () => {
  it('shows every command, and its version', async () => {
    const { out: help, exitCode } = await run('--help');
    expect(exitCode).toBe(0);
    for (const { name } of commands) expect(help).toContain(`${name} `);
    const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
    expect((await run('--version')).out).toContain(version);
  });

  it('asks for a command when there is none', async () => {
    expect(await run()).toMatchObject({ exitCode: 2, out: '' });
    expect(err).toContain('no command was given');
  });

  it.each(commands.map(({ name }) => name))('has help with an example for %s', async (name) => {
    const { out: help, exitCode } = await run(name, '--help');
    expect(exitCode).toBe(0);
    expect(help).toMatch(/Examples?:\n {2}fairlead /);
    expect(help).toContain('--json');
    expect(help).toContain('--config');
  });

  it.each([
    [['impotr'], 'Did you mean import?', 'fairlead --help'],
    [['import'], "missing required argument 'file'", 'fairlead import --help'],
    [['import', 'a', 'b'], 'too many arguments', 'fairlead import --help'],
    [['import', 'a', '--jso'], 'Did you mean --json?', 'fairlead import --help'],
    [['generate', '--ships', '2'], '--hours <h>', 'fairlead generate --help'],
    [['generate', '--ships', 'x', '--hours', '1'], 'from 1 to 1000', 'fairlead generate --help'],
    [['migrate', 'A', '--width', '0s'], 'width', 'fairlead migrate --help'],
    [['migrate', 'A', '--width', '25h'], 'from 1s to 1d', 'fairlead migrate --help'],
    [['migrate', 'A', '--width', 'wide'], 'no duration', 'fairlead migrate --help'],
    [['migrate', 'A', '--from', '2025-06-16', '--to', '2025-06-15'], 'not before', '--from'],
    [['migrate', ''], 'a ship id is empty', 'name ships'],
    [['migrate'], 'no ship was named', '--fleet'],
    [['pause', '--fleet'], 'names no ships for --fleet', '[fleet]'],
    [['set-window', 'A', '0'], 'from 1 to 64', 'fairlead set-window --help'],
  ])('refuses %j as wrong usage, with advice', async (argv, message, hint) => {
    expect(await run(...argv)).toMatchObject({ exitCode: 2, out: '' });
    expect(err).toContain(message);
    expect(err).toContain(hint);
  });

  it('answers one JSON document when it fails', async () => {
    const { exitCode } = await run('import', 'a.csv', '--json', '--config', 'none.toml');
    expect(exitCode).toBe(2);
    expect(JSON.parse(out)).toEqual({
      error: {
        code: 'config-invalid',
        message: 'none.toml: there is no such file',
        hint: expect.any(String),
      },
    });
  });

  it('says that no stack runs, and what to type', async () => {
    vi.stubEnv('FAIRLEAD_SOURCE_URL', '');
    vi.stubEnv('FAIRLEAD_TARGET_URL', '');
    vi.stubEnv('FAIRLEAD_HOME', '/nowhere');
    expect(await run('import', 'a.csv')).toMatchObject({ exitCode: 3, out: '' });
    expect(err).toContain('fairlead up');
  });

  it('shows no password when a database cannot be reached', async () => {
    vi.stubEnv('FAIRLEAD_SOURCE_URL', 'postgresql://me:hunter2@127.0.0.1:1/db');
    expect(await run('import', 'a.csv', '--json')).toMatchObject({ exitCode: 75 });
    expect(out + err).not.toContain('hunter2');
  });
});
