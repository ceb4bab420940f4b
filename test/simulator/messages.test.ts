import { expect, it } from 'vitest';
import { messageTypes } from '../../activities/sensor/protocol/sensr-messages.ts';
import { Scene, type SceneEvent } from '../../simulator/scene/scene.ts';
import { contains, firstZones } from '../../simulator/scene/zones.ts';
import { cloudEnd, encodeCloud, ring } from '../../simulator/stream/cloud.ts';
import {
  eventMessage,
  healthMessage,
  objectsMessage,
  zonesMessage,
} from '../../simulator/stream/output-messages.ts';

/*
 * The simulator writes the wire format from the protocol's table; protobufjs reads it by the client's definitions.
 * What does not fit is told by neither alone.
 */

const stamp = { atMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678), sequence: 42 };

function decode(stream: 'output' | 'points', bytes: Buffer) {
  const type = messageTypes[stream];
  return type.toObject(type.decode(bytes), { longs: Number, enums: Number }) as Record<string, any>;
}

it('tells each object with its box, its speed and the zones that it is in', () => {
  const scene = new Scene(100, firstZones);
  const decoded = decode('output', objectsMessage(stamp, scene.objects));
  expect(decoded['stream'].objects).toHaveLength(100);
  const inZone = scene.objects.findIndex(({ zones }) => zones.size > 0);
  const { id, label, x, speedX, zones } = scene.objects[inZone]!;
  const object = decoded['stream'].objects[inZone];
  expect(object).toMatchObject({ id, label, zone_ids: [...zones] });
  expect(object.bbox.position.x).toBeCloseTo(x, 3);
  expect(object.velocity.x).toBeCloseTo(speedX, 3);
});

it('carries its number in the nanoseconds of its timestamp', () => {
  const { timestamp } = decode('output', healthMessage(stamp, 1));
  expect(timestamp).toMatchObject({
    seconds: Math.floor(stamp.atMs / 1_000),
    nanos: 678_000_000 + stamp.sequence,
  });
});

it('weighs what the manual says: 2 KB for 20 objects, 474 KB for 100 with points and history', () => {
  expect(objectsMessage(stamp, new Scene(20, firstZones).objects).length).toBeLessThan(2_500);
  const detail = { ...ring(250, 2), historyStates: 20 };
  const heavy = objectsMessage(stamp, new Scene(100, firstZones).objects, detail);
  expect(heavy.length / 474_000).toBeCloseTo(1, 0);
  const [first] = decode('output', heavy)['stream'].objects;
  expect(first.points).toHaveLength(250 * 12);
  expect(first.history.states).toHaveLength(20);
});

it('tells zones, and a health that is not well', () => {
  const { zones } = decode('output', zonesMessage(stamp, firstZones))['stream'];
  expect(zones.map((zone: { id: number; name: string }) => [zone.id, zone.name])).toEqual(
    firstZones.map(({ id, name }) => [id, name]),
  );
  expect(zones[0].pbox.points).toHaveLength(4);
  const { health } = decode('output', healthMessage(stamp, 5))['stream'];
  expect(health.master).toBe(5);
  expect(Object.keys(health.nodes)).toEqual(['algo_0000']);
});

it('tells entry and exit where objects cross the border of a zone, and the loss of those that leave', () => {
  const scene = new Scene(20, firstZones);
  const events: SceneEvent[] = [];
  for (let tick = 0; tick < 600; tick++) {
    for (const event of scene.advance(0.1)) {
      if (event.event !== 'lost') {
        const zone = firstZones.find(({ id }) => id === event.zone)!;
        expect(contains(zone, event.object.x, event.object.y)).toBe(event.event === 'entry');
      }
      events.push(event);
    }
  }
  for (const kind of ['entry', 'exit', 'lost'] as const) {
    const event = events.find((one) => one.event === kind)!;
    const decoded = decode('output', eventMessage(stamp, event))['event'];
    if (kind === 'lost') expect(decoded.losing[0].id).toBe(event.object.id);
    else expect(decoded.zone[0]).toMatchObject({ type: kind === 'entry' ? 1 : 2 });
  }
});

it('makes clouds of 16 bytes a point, whose number stands at the end', () => {
  const bytes = Buffer.concat([encodeCloud(30_000), cloudEnd(7)]);
  expect(bytes.length / (30_000 * 16)).toBeCloseTo(1, 2);
  const { points, uid } = decode('points', bytes);
  expect(uid).toBe('0000000007');
  const floats = points.map(({ points: part }: { points: Buffer }) => part.length / 12);
  expect(floats).toEqual([3_000, 27_000]);
});
