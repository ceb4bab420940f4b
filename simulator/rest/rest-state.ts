import type { Scene } from '../scene/scene.ts';
import { FIRST_ZONE_ID, firstZones, zoneDefaults, type Zone } from '../scene/zones.ts';

/** A sensor as the REST resource spells it; what else a client sent is kept. */
export interface SensorSettings {
  uid: string;
  name: string;
  topic: string;
  sensor: string;
  disabled: boolean;
  [other: string]: unknown;
}

export const DEFAULT_PROJECT_FOLDER = '/root/seoulrobotics/projects';

const firstSensors: readonly SensorSettings[] = [0, 1].map((number) => ({
  uid: `lidar_000${number}`,
  name: `pier lidar ${number}`,
  topic: `/lidar_000${number}/pandar`,
  sensor: 'Hesai XT-32',
  connected_to_edge_node: false,
  edge_uid: '',
  stack_capacity: 0,
  detection_radius: 1_000,
  horizontal_angle_range: [-180, 180],
  disabled: false,
  base_to_origin: { tx: number * 10, ty: 0 },
  sensor_to_base: { tz: 4.5, qw: 1, qx: 0, qy: 0, qz: 0 },
  arguments: {},
}));

/** What the REST resources read and change. Changed zones reach the stream with `apply-change`. */
export class RestState {
  readonly version: string;
  readonly zones = new Map<number, Zone>(firstZones.map((zone) => [zone.id, zone]));
  readonly sensors = new Map<string, SensorSettings>(firstSensors.map((one) => [one.uid, one]));
  readonly projects = new Map([[DEFAULT_PROJECT_FOLDER, new Set(['pier', 'harbour'])]]);
  project = 'pier';
  readonly scene: Scene;
  #nextZone = FIRST_ZONE_ID + firstZones.length;
  #nextSensor = firstSensors.length;

  constructor(version: string, scene: Scene) {
    this.version = version;
    this.scene = scene;
  }

  /** What a client may leave out is as it is with the zones that were there first. */
  addZone(zone: Partial<Zone> & Pick<Zone, 'vertices'>): number {
    const id = this.#nextZone++;
    this.zones.set(id, { ...zoneDefaults, name: `zone ${id}`, ...zone, id });
    return id;
  }

  addSensor(settings: Record<string, unknown>): string {
    const uid = `lidar_${String(this.#nextSensor++).padStart(4, '0')}`;
    this.sensors.set(uid, { ...settings, uid } as SensorSettings);
    return uid;
  }

  apply(): void {
    this.scene.zones = [...this.zones.values()];
  }
}
