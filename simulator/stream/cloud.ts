import { ProtobufWriter } from '../protocol/protobuf-writer.ts';

const RAW = 3;
const GROUND = 1;
const RADIUS_METRES = 40;

/**
 * sensr_proto.PointResult of `count` points (16 bytes each), a tenth of them ground; encoded once, because at ten
 * clouds a second of 5 MB the encoding would be all that this process does. The number of each message follows as
 * {@link cloudEnd}, which protobuf reads as one more field.
 */
export function encodeCloud(count: number): Buffer {
  const ground = Math.floor(count / 10);
  return new ProtobufWriter()
    .message(1, (cloud) => writePart(cloud, GROUND, 'ground', ground))
    .message(1, (cloud) => writePart(cloud, RAW, 'lidar_0000', count - ground))
    .finish();
}

/** The field `uid`: the message's number in ten digits. */
export const cloudEnd = (sequence: number): Buffer =>
  new ProtobufWriter().text(201, String(sequence).padStart(10, '0')).finish();

function writePart(writer: ProtobufWriter, type: number, id: string, count: number): void {
  const { points, intensities } = ring(count, RADIUS_METRES);
  writer.int(1, type).text(2, id).bytes(3, points).bytes(4, intensities);
}

/** Points on a spiral, as float32 xyz, with their intensities. */
export function ring(count: number, radius: number): { points: Buffer; intensities: Buffer } {
  const points = Buffer.alloc(count * 12);
  const intensities = Buffer.alloc(count * 4);
  for (let index = 0; index < count; index++) {
    const angle = index * 2.399963;
    const distance = radius * Math.sqrt((index + 1) / count);
    points.writeFloatLE(Math.cos(angle) * distance, index * 12);
    points.writeFloatLE(Math.sin(angle) * distance, index * 12 + 4);
    points.writeFloatLE((index % 32) / 10, index * 12 + 8);
    intensities.writeFloatLE(index % 256, index * 4);
  }
  return { points, intensities };
}
