import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../../workers/configuration/package-root.ts';

const ADVISORY = { id: 1, url: 'https://advisory.example/1', title: 'it leaks', severity: 'high' };

/** Runs the audit against a registry that gives each request for advisories this answer. */
async function audit(status: number, answer: unknown) {
  const server = createServer((request, response) => {
    request.resume();
    const isAudit = request.url?.endsWith('/advisories/bulk');
    response.writeHead(isAudit ? status : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isAudit ? answer : {}));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const registry = `--registry=http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const script = join(packageRoot, 'dist', 'release', 'audit.js');
  const child = spawn(process.execPath, [script, registry, '--fetch-retries=0']);
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told += text));
  const [exitCode] = (await once(child, 'close')) as [number];
  server.close();
  return { exitCode, told };
}

it.each([
  ['passes what has no advisory', 200, {}, 0, 'audit: 0 vulnerable packages'],
  ['fails by name', 200, { ws: [{ ...ADVISORY, vulnerable_versions: '*' }] }, 1, 'audit: ws '],
  [
    'leaves development alone',
    200,
    { vitest: [{ ...ADVISORY, vulnerable_versions: '*' }] },
    0,
    '0 v',
  ],
  ['says when nobody answers', 405, {}, 75, 'nothing was looked at'],
])('the audit %s', async (_, status, answer, exitCode, words) => {
  const result = await audit(status, answer);
  expect(result.told).toContain(words);
  expect(result.exitCode).toBe(exitCode);
});
