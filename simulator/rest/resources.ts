import type { Zone } from '../scene/zones.ts';
import { DEFAULT_PROJECT_FOLDER, type RestState } from './rest-state.ts';

export interface RestRequest {
  method: string;
  /** Without the version prefix. */
  path: string;
  query: URLSearchParams;
  body: string;
}

export interface RestAnswer {
  status: number;
  body: string;
}

const json = (value: unknown): RestAnswer => ({ status: 200, body: JSON.stringify(value) });
const prose = (status: number, body: string): RestAnswer => ({ status, body });
const DONE = prose(200, '200 OK');

type Resource = (request: RestRequest, state: RestState) => RestAnswer;

/** Below the version prefix, by method and path. */
const versioned: Readonly<Record<string, Resource>> = {
  'GET /settings/zone': ({ query }, { zones }) => {
    const id = query.get('zone-id');
    if (id === null) return json([...zones.keys()]);
    return found(zones.get(Number(id)), `zone ${id}`);
  },
  'PUT /settings/zone': ({ body }, state) =>
    withZone(body, (zone) => json(String(state.addZone(zone)))),
  'POST /settings/zone': ({ body }, { zones }) =>
    withZone(body, (zone) => {
      const known = zones.get(zone.id);
      if (!known) return prose(400, `Zone ${zone.id} does not exist.`);
      zones.set(known.id, { ...known, ...zone, id: known.id });
      return DONE;
    }),
  'DELETE /settings/zone': ({ query }, { zones }) =>
    zones.delete(Number(query.get('zone-id'))) ? DONE : prose(400, 'No such zone.'),
  'GET /settings/sensor-ext': ({ query }, { sensors }) => {
    const id = query.get('sensor-id');
    return id === null ? json([...sensors.keys()]) : found(sensors.get(id), `sensor ${id}`);
  },
  'PUT /settings/sensor-ext': ({ query, body }, state) => {
    if (!query.get('node-uri') || !query.get('sensor-type'))
      return prose(400, 'node-uri and sensor-type are required.');
    return withObject(body, (settings) => json(state.addSensor(settings)));
  },
  'POST /settings/sensor-ext': ({ body }, { sensors }) =>
    withObject(body, (settings) => {
      const known = [...sensors.values()].find(
        ({ uid, topic }) => uid === settings['uid'] || topic === settings['topic'],
      );
      if (!known) return prose(400, 'No sensor with this uid or topic.');
      sensors.set(known.uid, { ...known, ...settings, uid: known.uid });
      return DONE;
    }),
  'DELETE /settings/sensor-ext': ({ query }, { sensors }) =>
    sensors.delete(query.get('sensor-id') ?? '') ? DONE : prose(400, 'No such sensor.'),
  'GET /commands/project': (_, { project }) => json({ project_name: project }),
  'GET /commands/project/list': ({ query }, { projects }) => {
    const folder = query.get('path') ?? DEFAULT_PROJECT_FOLDER;
    const names = projects.get(folder);
    return names ? json([...names]) : prose(200, `No projects found under "${folder}".`);
  },
  'PUT /commands/project': ({ query }, state) =>
    withProject(query, (name, folder) => {
      const names = state.projects.get(folder) ?? new Set();
      if (names.has(name)) return prose(500, `Failed to create project "${name}".`);
      state.projects.set(folder, names.add(name));
      state.project = name;
      return prose(200, `Successfully created project "${name}".`);
    }),
  'POST /commands/project': ({ query }, state) =>
    withProject(query, (name, folder) => {
      if (!state.projects.get(folder)?.has(name)) return prose(500, `Failed to open "${name}".`);
      state.project = name;
      return prose(200, `Successfully opened "${name}".`);
    }),
  'POST /commands/apply-change': (_, state) => {
    state.apply();
    return DONE;
  },
};

const results: Readonly<Record<string, Resource>> = {
  'GET /results/health': (_, { sensors }) =>
    json({
      master: 'OK',
      nodes: {
        algo_0000: {
          status: 'OK',
          sensors: Object.fromEntries([...sensors.keys()].map((id) => [`/${id}`, 'SENSOR_ALIVE'])),
        },
      },
    }),
  'GET /results/zone': ({ query }, { zones, scene }) => {
    const id = Number(query.get('id') ?? 0);
    const wanted = [...zones.values()].filter((zone) => id === 0 || zone.id === id);
    return json({ zones: wanted.map((zone) => zoneResult(zone, scene.within(zone.id))) });
  },
};

/** Answers a request as the sensor server does. */
export function answer(request: RestRequest, state: RestState): RestAnswer {
  const direct = results[`${request.method} ${request.path}`];
  if (direct) return direct(request, state);
  const [, version, rest] = /^\/([^/]+)(\/.*)$/.exec(request.path) ?? [];
  const resource = version === state.version && versioned[`${request.method} ${rest}`];
  return resource ? resource(request, state) : prose(404, 'Could not find a matching route');
}

const found = (value: unknown, what: string): RestAnswer =>
  value === undefined ? prose(400, `There is no ${what}.`) : json(value);

function withObject(body: string, use: (value: Record<string, unknown>) => RestAnswer): RestAnswer {
  try {
    const value: unknown = JSON.parse(body);
    if (value !== null && typeof value === 'object') return use(value as Record<string, unknown>);
  } catch {
    // Answered below.
  }
  return prose(400, 'The body is no JSON object.');
}

function withZone(body: string, use: (zone: Zone) => RestAnswer): RestAnswer {
  return withObject(body, (value) =>
    Array.isArray(value['vertices']) && value['vertices'].length >= 3
      ? use(value as unknown as Zone)
      : prose(400, 'A zone needs three vertices or more.'),
  );
}

function withProject(
  query: URLSearchParams,
  use: (name: string, folder: string) => RestAnswer,
): RestAnswer {
  const name = query.get('name');
  return name ? use(name, query.get('path') ?? DEFAULT_PROJECT_FOLDER) : prose(400, 'No name.');
}

const zoneResult = (
  { id, name, vertices, min_z, max_z, zone_type }: Zone,
  objectIds: number[],
) => ({
  id,
  name,
  pbox: { points: vertices.map(([x, y]) => ({ x, y })), minZ: min_z, maxZ: max_z },
  type: zone_type.toLowerCase(),
  objectIds,
});
