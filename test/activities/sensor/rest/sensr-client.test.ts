import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import type { RestMethod } from '../../../../activities/sensor/rest/rest-call.ts';
import { openSensrClient } from '../../../../activities/sensor/rest/sensr-client.ts';
import {
  applyChange,
  changeProject,
  currentProject,
  getHealth,
  getZoneResult,
  listProjects,
} from '../../../../activities/sensor/rest/server-commands.ts';
import {
  createSettings,
  deleteSettings,
  getSettings,
  listSettings,
  sensors,
  updateSettings,
  zones,
} from '../../../../activities/sensor/rest/settings.ts';
import { FairleadError } from '../../../../domain/errors.ts';
import { startSimulator } from '../../../../simulator/start-simulator.ts';
import { temporaryFolder } from '../../../temporary-folder.ts';
import { makeCertificate } from '../certificates.ts';
import { halfAnswer, json, playRestServer, type Play } from './played-rest-server.ts';

const HEALTH = { method: 'GET', path: '/results/health' } as const;
const GATE = {
  name: 'gate',
  zone_type: 'Event',
  min_z: 0,
  max_z: 2.5,
  vertices: [
    [0, 0],
    [1, 0],
    [1, 1],
  ],
};

const failureOf = async (call: Promise<unknown>): Promise<FairleadError> => {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(FairleadError);
  return outcome as FairleadError;
};

describe('a sensor server', () => {
  it('lists, tells, takes, changes and removes what it keeps', async () => {
    await using simulator = await startSimulator({ hertz: 1 });
    await using client = openSensrClient({ base: simulator.urls.rest });
    expect(await listSettings(client, sensors)).toEqual(['lidar_0000', 'lidar_0001']);
    expect(await getSettings(client, sensors, 'lidar_0001')).toMatchObject({ uid: 'lidar_0001' });
    const before = await listSettings(client, zones);
    const id = await createSettings(client, zones, GATE);
    expect(await listSettings(client, zones)).toEqual([...before, Number(id)]);
    await updateSettings(client, zones, { ...GATE, id: Number(id), name: 'quay' });
    expect(await getSettings(client, zones, String(id))).toMatchObject({ name: 'quay' });
    await applyChange(client);
    expect(await getZoneResult(client, String(id))).toMatchObject({ zones: [{ name: 'quay' }] });
    await deleteSettings(client, zones, String(id));
    expect(await listSettings(client, zones)).toEqual(before);
    expect(await getHealth(client)).toMatchObject({ master: 'OK' });
  });

  it('opens projects, and says in words which one it does not have', async () => {
    await using simulator = await startSimulator({ hertz: 1 });
    await using client = openSensrClient({ base: simulator.urls.rest });
    const change = { verb: 'load', name: 'harbour', path: undefined } as const;
    await changeProject(client, change);
    expect(await currentProject(client)).toBe('harbour');
    await changeProject(client, { verb: 'create', name: 'lock & quay', path: undefined });
    expect(await listProjects(client, undefined)).toContain('lock & quay');
    const unknown = await failureOf(changeProject(client, { ...change, name: 'nowhere' }));
    expect(unknown).toMatchObject({ code: 'rest-refused', kind: 'operator' });
    expect(unknown.message).toContain('answered 500: "Failed to open \\"nowhere\\"."');
    const prose = await failureOf(listProjects(client, '/nowhere'));
    expect(prose.code).toBe('rest-answer-invalid');
    expect(prose.message).toContain('No projects found under');
  });

  it.each(['v4.0', 'v3.5.0', 'v3.0', 'v2.0'])(
    'is asked for its version once: %s',
    async (version) => {
      await using simulator = await startSimulator({ hertz: 1, version });
      await using client = openSensrClient({ base: simulator.urls.rest });
      await Promise.all([1, 2, 3].map(() => listSettings(client, zones)));
      const probed = simulator.counts().rest.requests - 3;
      await listSettings(client, sensors);
      expect(simulator.counts().rest.requests).toBe(probed + 4);
      expect(probed).toBe(['v4.0', 'v3.5.0', 'v3.5', 'v3.0', 'v2.0'].indexOf(version) + 1);
    },
  );

  it('without a version that we speak is none, and its numbers are told', async () => {
    await using simulator = await startSimulator({ hertz: 1, version: 'v1.9' });
    await using client = openSensrClient({ base: simulator.urls.rest });
    const failure = await failureOf(listSettings(client, zones));
    expect(failure).toMatchObject({ code: 'rest-refused' });
    expect(failure.message).toContain('v4.0 404, v3.5.0 404');
    await using told = openSensrClient({ base: simulator.urls.rest, version: 'v1.9' });
    expect(await listSettings(told, zones)).toHaveLength(2);
  });

  it('behind https is trusted by the certificates that are named, and without them not', async () => {
    await using folder = await temporaryFolder();
    const certificate = makeCertificate(folder.path, 'IP:127.0.0.1');
    await using simulator = await startSimulator({ hertz: 1, tls: certificate });
    const base = simulator.urls.rest;
    expect(base).toMatch(/^https:/);
    await using trusting = openSensrClient({ base, ca: certificate.file });
    expect(await listSettings(trusting, zones)).toHaveLength(2);
    await using strange = openSensrClient({ base });
    expect((await failureOf(getHealth(strange))).hint).toContain('--ca');
  });

  it('is reached below a path, and told of when it speaks no TLS', async () => {
    await using server = await playRestServer((response) => json(response, { master: 'OK' }));
    await using below = openSensrClient({
      base: `http://me:p%40ss@127.0.0.1:${server.port}/pier/`,
    });
    await getHealth(below);
    expect(server.requests[0]?.line).toBe('GET /pier/results/health');
    await using wrong = openSensrClient({ base: `https://127.0.0.1:${server.port}` });
    const failure = await failureOf(getHealth(wrong));
    expect(failure.message).toContain('speaks no TLS');
    expect(failure.hint).toContain('http://');
    expect(() => openSensrClient({ base: server.base, ca: '/no/such.pem' })).toThrow(
      '/no/such.pem',
    );
  });
});

describe('a GET', () => {
  const passing: [string, Play][] = [
    ...[500, 502, 503, 504].map((status): [string, Play] => [
      `${status}`,
      (response) => response.writeHead(status).end(),
    ]),
    ['a reset', (response) => response.socket?.resetAndDestroy()],
    ['half a body', halfAnswer],
  ];

  it.each(passing)('is tried again after 0.3, 0.6 and 1.2 s: %s', async (_, fail) => {
    const onRetry = vi.fn<(reason: string, waitMs: number) => void>();
    const statuses: unknown[] = [];
    await using server = await playRestServer((response, request, nth) =>
      nth <= 3 ? fail(response, request, nth) : json(response, { master: 'OK' }),
    );
    await using client = openSensrClient({
      base: server.base,
      onRetry,
      onCall: ({ status }) => statuses.push(status),
    });
    expect(await getHealth(client)).toEqual({ master: 'OK' });
    expect(statuses).toHaveLength(4);
    expect(statuses.at(-1)).toBe(200);
    expect(onRetry.mock.calls.map(([, waitMs]) => waitMs)).toEqual([300, 600, 1_200]);
    const gaps = server.requests.slice(1).map(({ atMs }, n) => atMs - server.requests[n]!.atMs);
    for (const [n, waitMs] of [300, 600, 1_200].entries()) {
      expect(gaps[n]).toBeGreaterThanOrEqual(waitMs - 2);
    }
  });

  it('that fails a fourth time is given up, with the words of the last answer', async () => {
    await using server = await playRestServer(
      (response, _, nth) => void response.writeHead(500).end(`storage is full ${nth}`),
    );
    await using client = openSensrClient({ base: server.base, selector: '--sensor pier-3' });
    const failure = await failureOf(getHealth(client));
    expect(failure).toMatchObject({ code: 'rest-unwell', kind: 'transient' });
    expect(failure.message).toContain('answered 500 (4 attempts): "storage is full 4"');
    expect(server.requests).toHaveLength(4);
  });

  it('of what is not there is asked once, and the hint says what shows what there is', async () => {
    await using server = await playRestServer((response) => void response.writeHead(404).end());
    await using client = openSensrClient({
      base: server.base,
      selector: '--sensor pier-3',
      version: 'v3.5',
    });
    const failure = await failureOf(getSettings(client, zones, '7'));
    expect(failure.hint).toBe('fairlead sensr zones list --sensor pier-3 shows what there is');
    expect(server.requests).toHaveLength(1);
  });

  it('to nobody says so after four attempts', async () => {
    const server = await playRestServer((response) => json(response, {}));
    await server[Symbol.asyncDispose]();
    await using client = openSensrClient({ base: server.base });
    const failure = await failureOf(client.call(HEALTH));
    expect(failure).toMatchObject({ code: 'rest-unreachable', kind: 'transient' });
    expect(failure.message).toContain('refused: nothing listens there (4 attempts)');
  });

  it('ends at once when it is interrupted, also while it waits to try again', async () => {
    await using server = await playRestServer((response) => void response.writeHead(503).end());
    const abort = new AbortController();
    await using client = openSensrClient({
      base: server.base,
      onRetry: (_, waitMs) => waitMs === 1_200 && abort.abort(new Error('enough')),
    });
    await expect(client.call(HEALTH, abort.signal)).rejects.toThrow('enough');
    expect(server.requests).toHaveLength(3);
  });
});

describe.each<RestMethod>(['PUT', 'POST', 'DELETE'])('a %s', (method) => {
  const request = { method, path: '/v3.5/settings/zone' } as const;
  const unknown: [string, Play][] = [
    ['503', (response) => response.writeHead(503).end()],
    ['a reset', (response) => response.socket?.resetAndDestroy()],
    ['half a body', halfAnswer],
  ];

  it.each(unknown)('is sent once, and may have happened: %s', async (_, fail) => {
    await using server = await playRestServer(fail);
    await using client = openSensrClient({ base: server.base });
    const failure = await failureOf(client.tell(request));
    expect(failure).toMatchObject({ code: 'rest-outcome-unknown', kind: 'operator' });
    expect(failure.message).toContain('it may have happened nevertheless');
    expect(failure.hint).toBe(
      `look before you repeat it: fairlead sensr zones list --base ${server.base}`,
    );
    expect(server.requests).toHaveLength(1);
  });

  it('that is answered with 500 is refused for good', async () => {
    await using server = await playRestServer(
      (response) => void response.writeHead(500).end('there is no such project'),
    );
    await using client = openSensrClient({ base: server.base });
    const failure = await failureOf(client.tell(request));
    expect(failure).toMatchObject({ code: 'rest-refused', kind: 'operator' });
    expect(failure.message).toContain('there is no such project');
    expect(server.requests).toHaveLength(1);
  });

  it('to nobody was not sent, and is not said to have happened', async () => {
    const server = await playRestServer((response) => json(response, {}));
    await server[Symbol.asyncDispose]();
    await using client = openSensrClient({ base: server.base });
    const failure = await failureOf(client.tell(request));
    expect(failure.code).toBe('rest-unreachable');
    expect(failure.message).toContain('nothing was sent');
  });
});

describe('an answer with 200', () => {
  const names = z.array(z.string());
  const ask = async (text: string, schema: z.ZodType = names) => {
    await using server = await playRestServer((response) => void response.writeHead(200).end(text));
    await using client = openSensrClient({ base: server.base, version: 'v3.5' });
    return await client.ask({ method: 'GET', path: '/V/commands/project/list' }, schema);
  };

  it.each([
    ['prose', `No projects. ${'ä'.repeat(300)}`, 'prose instead of JSON'],
    ['broken JSON', '["pier", "harb', 'broken JSON'],
    ['another shape', '{"names":["pier"]}', 'something else'],
    ['nothing', '', 'nothing where an answer was expected'],
    ['a page', '<!doctype html>', 'prose instead of JSON'],
  ])('that is %s is refused, with its first 200 bytes', async (_, text, problem) => {
    const failure = await failureOf(ask(text));
    expect(failure).toMatchObject({ code: 'rest-answer-invalid', kind: 'operator' });
    expect(failure.message).toContain(`answered 200 with ${problem}`);
    expect(failure.message).toContain(text.slice(0, 10).replaceAll('"', '\\"'));
    expect(Buffer.byteLength(failure.message)).toBeLessThan(500);
  });

  it('loses the control characters that a terminal would obey', async () => {
    const failure = await failureOf(ask('\u001b[2J\u0007 all is lost'));
    expect(failure.message).toContain('\\u001b[2J\\u0007 all is lost');
  });

  it('to a command may be words, and is no web page', async () => {
    await using server = await playRestServer(
      (response, request) =>
        void response.end(request.method === 'POST' ? ' Done with "it".\n' : '<html>'),
    );
    await using client = openSensrClient({ base: server.base, version: 'v3.5' });
    expect(await applyChange(client)).toBe('Done with "it".');
    const failure = await failureOf(deleteSettings(client, zones, '7'));
    expect(failure.message).toContain('answered 200 with a web page');
    expect(failure.hint).toContain('it may have happened; look before you repeat it');
  });
});
