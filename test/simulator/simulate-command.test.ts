import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { occupiedPort } from '../occupied-port.ts';
import { reported } from '../reported.ts';
import { openClient } from './stream-client.ts';

function simulate(...options: string[]) {
  const main = join(packageRoot, 'dist', 'cli', 'main.js');
  const child = spawn(process.execPath, [main, 'simulate', 'sensr', ...options]);
  const [stdout, stderr] = [reported(), reported()];
  child.stdout.setEncoding('utf8').on('data', stdout.report);
  child.stderr.setEncoding('utf8').on('data', stderr.report);
  const exit = once(child, 'close').then(([code]) => code as number);
  const type = (line: string) => child.stdin.write(`${line}\n`);
  return {
    type,
    stdout,
    stderr,
    exit,
    end: () => child.kill('SIGTERM'),
    urls: async () => {
      await stdout.waitFor(/\n/);
      return JSON.parse(stdout.lines.join('')) as { output: string; rest: string };
    },
  };
}

it('says where it listens, obeys what is typed, and tells what became of connections', async () => {
  const server = simulate('--ports', '0,0,0', '--json', '--fault', 'garbage text');
  const { output, rest } = await server.urls();
  await using client = await openClient(output);
  expect((await client.next()).isBinary).toBe(false);
  server.type('clear');
  await server.stderr.waitFor(/faults now: none/);
  server.type('slient');
  await server.stderr.waitFor(/no fault "slient".*type help/);
  server.type('close 1011 Writing buffer is full');
  expect(await client.closed).toEqual({ code: 1011, reason: 'Writing buffer is full' });
  await server.stderr.waitFor(/connection 1 of output, .* was ended by the server after/);
  const counts = await fetch(`${rest}/simulator/counts`);
  expect(await counts.json()).toMatchObject({ output: { ever: 1 } });
  server.end();
  expect(await server.exit).toBe(0);
});

it('says what to type when a port is in use, and ends', async () => {
  await using occupied = await occupiedPort();
  const server = simulate('--ports', `${occupied.port},0,0`, '--json');
  expect(await server.exit).toBe(3);
  expect(JSON.parse(server.stdout.lines.join(''))).toMatchObject({
    error: { code: 'port-taken', hint: expect.stringContaining('--ports 0,0,0') },
  });
});

it('refuses a fault that does not exist, as wrong usage', async () => {
  const server = simulate('--fault', 'slient');
  expect(await server.exit).toBe(2);
  expect(server.stderr.lines.join('')).toContain('there is no fault "slient"');
});
