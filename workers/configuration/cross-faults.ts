import { shipsThatCollide } from '../../domain/ship.ts';
import type { Fault } from './faults.ts';
import { configurationSchema } from './schema.ts';

/** Faults that lie between keys; each part is looked at only when it is sound by itself. */
export function crossFaults(content: Record<string, unknown>): Fault[] {
  const { fleet, sensors } = configurationSchema.shape;
  const fleetResult = fleet.safeParse(content['fleet']);
  const sensorResult = sensors.safeParse(content['sensors']);
  return [
    ...(fleetResult.success ? shipFaults(fleetResult.data.ships) : []),
    ...(sensorResult.success ? sensorFaults(sensorResult.data) : []),
  ];
}

function shipFaults(ships: string[]): Fault[] {
  const twice = ships.flatMap((ship, index): Fault[] =>
    ships.indexOf(ship) === index
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
