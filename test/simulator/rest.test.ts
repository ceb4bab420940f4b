import { expect, it } from 'vitest';
import { startSimulator } from '../../simulator/start-simulator.ts';

async function call(base: string, line: string, body?: unknown) {
  const [method = 'GET', path = '/'] = line.split(' ');
  const response = await fetch(base + path, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, text, json: () => JSON.parse(text) as unknown };
}

const zone = {
  name: 'ramp',
  zone_type: 'Event',
  min_z: 0,
  max_z: 2,
  vertices: [
    [-50, -50],
    [50, -50],
    [50, 50],
    [-50, 50],
  ],
};

it('assigns an id to a zone, and streams it only after apply-change', async () => {
  await using server = await startSimulator();
  const { rest } = server.urls;
  expect((await call(rest, 'PUT /v3.5/settings/zone', zone)).json()).toBe('1003');
  expect((await call(rest, 'PUT /v3.5/settings/zone', zone)).json()).toBe('1004');
  expect((await call(rest, 'GET /v3.5/settings/zone')).json()).toEqual([1001, 1002, 1003, 1004]);
  const within = async () =>
    (await call(rest, 'GET /results/zone?id=1003')).json() as { zones: { objectIds: number[] }[] };
  expect((await within()).zones[0]!.objectIds).toEqual([]);
  expect((await call(rest, 'POST /v3.5/commands/apply-change')).status).toBe(200);
  await expect.poll(async () => (await within()).zones[0]!.objectIds.length).toBeGreaterThan(10);
  expect((await call(rest, 'DELETE /v3.5/settings/zone?zone-id=1003')).status).toBe(200);
  expect((await call(rest, 'GET /v3.5/settings/zone?zone-id=1003')).status).toBe(400);
});

it('takes a zone of nothing but its corners', async () => {
  await using server = await startSimulator();
  const { rest } = server.urls;
  const { vertices } = zone;
  expect((await call(rest, 'PUT /v3.5/settings/zone', { vertices })).json()).toBe('1003');
  expect((await call(rest, 'GET /results/zone?id=1003')).json()).toMatchObject({
    zones: [{ id: 1003, name: 'zone 1003', type: 'event', pbox: { minZ: 0, maxZ: 2.5 } }],
  });
});

it('answers other versions with 404, prose with 200 and permanent failures with 500', async () => {
  await using server = await startSimulator({ version: 'v4.0' });
  const { rest } = server.urls;
  expect((await call(rest, 'GET /v3.5/settings/zone')).status).toBe(404);
  expect((await call(rest, 'GET /v4.0/commands/project')).json()).toEqual({ project_name: 'pier' });
  const list = await call(rest, 'GET /v4.0/commands/project/list?path=/nowhere');
  expect(list).toMatchObject({ status: 200, text: 'No projects found under "/nowhere".' });
  const load = await call(rest, 'POST /v4.0/commands/project?name=none');
  expect(load).toMatchObject({ status: 500, text: 'Failed to open "none".' });
});

it('keeps what a client wrote about a sensor', async () => {
  await using server = await startSimulator();
  const { rest } = server.urls;
  const path = '/v3.5/settings/sensor-ext';
  const put = `PUT ${path}?node-uri=algo_0000&sensor-type=lidar`;
  const settings = { name: 'new', topic: '/new', sensor: 'Livox', of_no_known_name: [1] };
  const uid = String((await call(rest, put, settings)).json());
  expect((await call(rest, `GET ${path}?sensor-id=${uid}`)).json()).toEqual({ ...settings, uid });
  expect((await call(rest, `PUT ${path}`, settings)).status).toBe(400);
});

it('fails as often as it is told, and then no more', async () => {
  await using server = await startSimulator();
  const { rest } = server.urls;
  await call(rest, 'POST /simulator/faults', { name: 'rest', status: 502, times: 2, path: 'zone' });
  const line = 'GET /v3.5/settings/zone';
  expect((await call(rest, 'GET /results/health')).status).toBe(200);
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await call(rest, line)).status);
  expect(statuses).toEqual([502, 502, 200]);
  expect(server.faults.active()).toEqual({});
});

it('is controlled over its REST port, whose calls it does not count', async () => {
  await using server = await startSimulator();
  const { rest } = server.urls;
  const set = await call(rest, 'POST /simulator/faults', { name: 'mute', stream: 'points' });
  expect(set.json()).toEqual({ mute: { stream: 'points' } });
  expect(await call(rest, 'POST /simulator/faults', { name: 'close', code: 7 })).toMatchObject({
    status: 400,
  });
  expect((await call(rest, 'POST /simulator/faults', { clear: true })).json()).toEqual({});
  await call(rest, 'GET /results/health');
  const counts = (await call(rest, 'GET /simulator/counts')).json();
  expect(counts).toMatchObject({ rest: { ever: 1, requests: 1 }, output: { now: 0 } });
});
