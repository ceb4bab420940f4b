export type Corner = readonly [x: number, y: number];

/** A zone as the REST resource spells it; metres. */
export interface Zone {
  id: number;
  name: string;
  zone_type: string;
  speed_limit: number;
  loitering_threshold: number;
  min_z: number;
  max_z: number;
  vertices: readonly Corner[];
}

/** Numbers of `ZoneType` in the protocol, by the REST resource's names. */
export const zoneTypes: Readonly<Record<string, number>> = {
  None: 0,
  Event: 1,
  Exclusion: 2,
  Reflection: 3,
  Static: 5,
  'Map Exclusion': 6,
  'Background Removal': 7,
};

export const zoneDefaults = {
  zone_type: 'Event',
  speed_limit: 27.77,
  loitering_threshold: 0,
  min_z: 0,
  max_z: 2.5,
};

export const FIRST_ZONE_ID = 1_001;

export const firstZones: readonly Zone[] = [
  rectangle(FIRST_ZONE_ID, 'gate', [-12, -10], [8, 10]),
  rectangle(FIRST_ZONE_ID + 1, 'quay', [20, -35], [40, 30]),
];

function rectangle(id: number, name: string, [x0, y0]: Corner, [x1, y1]: Corner): Zone {
  return {
    id,
    name,
    ...zoneDefaults,
    vertices: [
      [x0, y0],
      [x1, y0],
      [x1, y1],
      [x0, y1],
    ],
  };
}

/** Whether a point lies in the zone's polygon: by the crossings of a ray to the right. */
export function contains({ vertices }: Zone, x: number, y: number): boolean {
  let isInside = false;
  for (const [index, [x1, y1]] of vertices.entries()) {
    const [x2, y2] = vertices[(index + 1) % vertices.length]!;
    const crosses = y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1;
    if (crosses) isInside = !isInside;
  }
  return isInside;
}
