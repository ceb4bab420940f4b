import { shipsThatCollide } from '../../domain/ship.ts';
import type { Fault } from './faults.ts';
import { configurationSchema } from './schema.ts';

/** Faults that lie between keys; what has a fault of its own is left out. */
export function crossFaults(content: Record<string, unknown>): Fault[] {
  const sensorResult = configurationSchema.shape.sensors.safeParse(content['sensors']);
  return [
    ...shipFaults(shipsOf(content['fleet'])),
    ...(sensorResult.success ? sensorFaults(sensorResult.data) : []),
  ];
}

/** As many as there are; what is no ship id is empty. */
function shipsOf(fleet: unknown): string[] {
  const ships: unknown = (fleet as { ships?: unknown } | undefined)?.ships;
  const list: unknown[] = Array.isArray(ships) ? ships : [];
  return list.map((ship) => (typeof ship === 'string' ? ship.trim() : ''));
}

function shipFaults(ships: string[]): Fault[] {
  const twice = ships.flatMap((ship, index): Fault[] =>
    ship === '' || ships.indexOf(ship) === index
      ? []
      : [{ path: ['fleet', 'ships', index], message: `names ${ship} a second time` }],
  );
  const collide = shipsThatCollide(ships).map((group): Fault => {
    const message = `has ${group.join(' and ')}, which differ only in case and would share tables`;
    return { path: ['fleet', 'ships', ships.indexOf(group[1]!)], message };
  });
  return [...twice, ...collide];
}

interface Named {
  name: string;
  url: string;
  stream: string;
}

function sensorFaults(sensors: Named[]): Fault[] {
  return sensors.flatMap((sensor, index): Fault[] => {
    const before = sensors.slice(0, index);
    const sameName = before.some(({ name }) => name === sensor.name);
    const sameStream = before.find(
      ({ url, stream }) => stream === sensor.stream && sameUrl(url, sensor.url),
    );
    return [
      ...(sameName
        ? [{ path: ['sensors', index, 'name'], message: `is ${sensor.name} a second time` }]
        : []),
      ...(sameStream
        ? [
            {
              path: ['sensors', index, 'url'],
              message: `and stream are those of ${sameStream.name}: one stream has one session`,
            },
          ]
        : []),
    ];
  });
}

const sameUrl = (a: string, b: string): boolean => new URL(a).href === new URL(b).href;
