import { contains, type Zone } from './zones.ts';

/** Something that moves in a straight line through the scene. Metres, seconds, radians. */
export interface MovingObject {
  id: number;
  label: number;
  x: number;
  y: number;
  speedX: number;
  speedY: number;
  heading: number;
  size: readonly [length: number, width: number, height: number];
  zones: Set<number>;
}

export type SceneEvent =
  | { event: 'entry' | 'exit'; zone: number; object: MovingObject }
  | { event: 'lost'; object: MovingObject };

const HALF_SIZE = 50;
const FIRST_OBJECT_ID = 1;
/** Numbers of `LabelType`, with the size and speed of what is called so. */
const sorts = [
  { label: 1, size: [4.5, 1.8, 1.5], speed: 8 },
  { label: 2, size: [0.6, 0.6, 1.75], speed: 1.4 },
  { label: 3, size: [1.8, 0.6, 1.7], speed: 5 },
] as const;

/** The pier: objects cross it, leave it and come again under a new id. */
export class Scene {
  readonly objects: MovingObject[];
  zones: readonly Zone[];
  #nextId = FIRST_OBJECT_ID;
  readonly #random = seededRandom(1);

  constructor(count: number, zones: readonly Zone[]) {
    this.zones = zones;
    this.objects = Array.from({ length: count }, () => this.#appear());
    for (const object of this.objects) this.#note(object, []);
  }

  /** Moves everything on, and tells what happened on the way. */
  advance(seconds: number): SceneEvent[] {
    const events: SceneEvent[] = [];
    for (const [index, object] of this.objects.entries()) {
      object.x += object.speedX * seconds;
      object.y += object.speedY * seconds;
      this.#note(object, events);
      if (Math.max(Math.abs(object.x), Math.abs(object.y)) <= HALF_SIZE) continue;
      events.push({ event: 'lost', object });
      this.objects[index] = this.#appear();
    }
    return events;
  }

  /** Ids of the objects within a zone. */
  within(zone: number): number[] {
    return this.objects.filter(({ zones }) => zones.has(zone)).map(({ id }) => id);
  }

  #note(object: MovingObject, events: SceneEvent[]): void {
    for (const zone of this.zones) {
      const [was, is] = [object.zones.has(zone.id), contains(zone, object.x, object.y)];
      if (is === was) continue;
      if (is) object.zones.add(zone.id);
      else object.zones.delete(zone.id);
      events.push({ event: is ? 'entry' : 'exit', zone: zone.id, object });
    }
  }

  #appear(): MovingObject {
    const id = this.#nextId++;
    const { label, size, speed } = sorts[id % sorts.length]!;
    const heading = (this.#random() * 2 - 1) * Math.PI;
    const pace = speed * (0.5 + this.#random());
    return {
      id,
      label,
      size,
      heading,
      x: (this.#random() * 2 - 1) * HALF_SIZE * 0.9,
      y: (this.#random() * 2 - 1) * HALF_SIZE * 0.9,
      speedX: Math.cos(heading) * pace,
      speedY: Math.sin(heading) * pace,
      zones: new Set(),
    };
  }
}

/** mulberry32: the same scene at each start. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
