import { ProtobufWriter } from '../protocol/protobuf-writer.ts';
import type { MovingObject, SceneEvent } from '../scene/scene.ts';
import { zoneTypes, type Zone } from '../scene/zones.ts';

/*
 * sensr_proto.OutputMessage, written field by field from the protocol's table. Each message has a number of its own,
 * which a reader finds in its timestamp: nanoseconds % 1,000,000.
 */

/** When, and which. */
export interface Stamp {
  /** Epoch milliseconds. */
  atMs: number;
  sequence: number;
}

/** What makes an object heavy: its points and intensities, and its way until now. */
export interface ObjectDetail {
  points: Buffer;
  intensities: Buffer;
  historyStates: number;
}

const TRACKING = 3;
const ENTRY = 1;
const EXIT = 2;
const HEALTH_OK = 1;
const SENSOR_ALIVE = 1;
const HISTORY_STEP_SECONDS = 0.1;

export function objectsMessage(
  stamp: Stamp,
  objects: readonly MovingObject[],
  detail?: ObjectDetail,
): Buffer {
  return message(stamp, (writer) =>
    writer.message(3, (stream) => {
      for (const object of objects)
        stream.message(1, (inner) => writeObject(inner, object, stamp, detail));
      stream.message(2, (inner) => writeTimestamp(inner, stamp.atMs)).int(3, 1);
    }),
  );
}

export function zonesMessage(stamp: Stamp, zones: readonly Zone[]): Buffer {
  return message(stamp, (writer) =>
    writer.message(3, (stream) => {
      for (const zone of zones) stream.message(101, (inner) => writeZone(inner, zone));
      stream.int(104, 1);
    }),
  );
}

/** @param master a number of `SystemHealth.Status`: 1 is OK */
export function healthMessage(stamp: Stamp, master: number): Buffer {
  return message(stamp, (writer) =>
    writer.message(3, (stream) => stream.message(102, (health) => writeHealth(health, master))),
  );
}

export function eventMessage(stamp: Stamp, event: SceneEvent): Buffer {
  return message(stamp, (writer) =>
    writer.message(201, (inner) =>
      event.event === 'lost'
        ? inner.message(2, (losing) => writeLosing(losing, event.object, stamp))
        : inner.message(1, (zone) => writeZoneEvent(zone, event, stamp)),
    ),
  );
}

function message({ atMs, sequence }: Stamp, write: (writer: ProtobufWriter) => void): Buffer {
  const writer = new ProtobufWriter();
  writer.message(1, (inner) => writeTimestamp(inner, atMs, sequence));
  write(writer);
  return writer.finish();
}

function writeTimestamp(writer: ProtobufWriter, atMs: number, sequence = 0): void {
  const wholeMs = Math.floor(atMs);
  const nanoseconds = (wholeMs % 1_000) * 1_000_000 + (sequence % 1_000_000);
  writer.int(1, Math.floor(wholeMs / 1_000)).int(2, nanoseconds);
}

function writeVector(writer: ProtobufWriter, x: number, y: number, z = 0): void {
  writer.float(1, x).float(2, y).float(3, z);
}

function writeObject(
  writer: ProtobufWriter,
  object: MovingObject,
  { atMs }: Stamp,
  detail: ObjectDetail | undefined,
): void {
  const { id, label, x, y, speedX, speedY, heading, size, zones } = object;
  writer.int(1, id).int(2, label).float(3, 0.9);
  writer.message(4, (box) =>
    box
      .message(1, (position) => writeVector(position, x, y, 0))
      .message(2, (inner) => writeVector(inner, ...size))
      .float(3, heading),
  );
  writer.message(5, (velocity) => writeVector(velocity, speedX, speedY)).int(6, TRACKING);
  writer.message(11, (last) => writeTimestamp(last, atMs)).ints(104, [...zones]);
  if (detail) writeDetail(writer, object, atMs, detail);
}

function writeDetail(
  writer: ProtobufWriter,
  { x, y, speedX, speedY }: MovingObject,
  atMs: number,
  { points, intensities, historyStates }: ObjectDetail,
): void {
  writer.bytes(101, points).message(102, (history) => {
    for (let age = historyStates; age > 0; age--) {
      const seconds = age * HISTORY_STEP_SECONDS;
      history.message(2, (state) =>
        state
          .message(1, (position) =>
            writeVector(position, x - speedX * seconds, y - speedY * seconds),
          )
          .message(2, (at) => writeTimestamp(at, atMs - seconds * 1_000)),
      );
    }
  });
  writer.bytes(105, intensities);
}

function writeZone(writer: ProtobufWriter, zone: Zone): void {
  writer.int(1, zone.id).text(2, zone.name);
  writer.message(3, (box) => {
    for (const [x, y] of zone.vertices) box.message(1, (corner) => corner.float(1, x).float(2, y));
    box.float(2, zone.min_z).float(3, zone.max_z);
  });
  writer.int(4, zoneTypes[zone.zone_type] ?? 0);
}

function writeHealth(writer: ProtobufWriter, master: number): void {
  writer
    .int(1, master)
    .message(2, (entry) =>
      entry
        .text(1, 'algo_0000')
        .message(2, (node) =>
          node
            .int(1, HEALTH_OK)
            .message(3, (sensor) => sensor.text(1, '/lidar_0000').int(2, SENSOR_ALIVE)),
        ),
    );
}

function writeZoneEvent(
  writer: ProtobufWriter,
  { event, zone, object }: Extract<SceneEvent, { event: 'entry' | 'exit' }>,
  { atMs }: Stamp,
): void {
  const { id, x, y, heading, speedX, speedY } = object;
  writer
    .message(1, (at) => writeTimestamp(at, atMs))
    .int(2, zone)
    .int(3, event === 'entry' ? ENTRY : EXIT)
    .message(4, (inner) =>
      inner
        .int(1, id)
        .message(2, (position) => writeVector(position, x, y))
        .float(3, heading)
        .message(4, (velocity) => writeVector(velocity, speedX, speedY)),
    );
}

function writeLosing(
  writer: ProtobufWriter,
  { id, x, y, heading }: MovingObject,
  { atMs }: Stamp,
): void {
  writer
    .message(1, (at) => writeTimestamp(at, atMs))
    .int(2, id)
    .message(3, (position) => writeVector(position, x, y))
    .float(4, heading);
}
