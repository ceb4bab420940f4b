import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor.js';
import { describe, expect, it } from 'vitest';
import { decodeMessage } from '../../../../activities/sensor/protocol/decode-message.ts';
import { encodeFileDescriptorSet } from '../../../../activities/sensor/protocol/file-descriptor-set.ts';
import {
  messageNames,
  messageTypes,
} from '../../../../activities/sensor/protocol/sensr-messages.ts';

const encode = (message: object) => messageTypes.output.encode(message).finish();

describe('encodeFileDescriptorSet', () => {
  it('describes both streams so that another reader decodes the same', () => {
    const root = protobuf.Root.fromDescriptor(encodeFileDescriptorSet()).resolveAll();
    for (const name of Object.values(messageNames)) expect(root.lookupType(name)).toBeDefined();
    const message = {
      timestamp: { seconds: '1750000000', nanos: 5 },
      stream: {
        objects: [
          { id: 3, label: 'LABEL_CAR', bbox: { position: { x: 1, y: 2, z: 3 } }, zone_ids: [1, 2] },
        ],
        health: {
          master: 'OK',
          nodes: { algo: { status: 'OK', sensors: { lidar: 'SENSOR_ALIVE' } } },
        },
      },
    };
    const theirs = root.lookupType(messageNames.output);
    expect(
      theirs.decode(theirs.encode(theirs.fromObject(message)).finish()).toJSON(),
    ).toMatchObject(message);
  });

  it('lists each file behind those that it imports', () => {
    const { file } = descriptor.FileDescriptorSet.decode(encodeFileDescriptorSet()) as unknown as {
      file: { name: string; dependency: string[] }[];
    };
    const names = file.map(({ name }) => name);
    expect(names).toHaveLength(5);
    for (const { name, dependency } of file)
      for (const imported of dependency)
        expect(names.slice(0, names.indexOf(name))).toContain(imported);
  });
});

describe('decodeMessage', () => {
  it('finds the health of the stream, and of an event', () => {
    expect(decodeMessage('output', encode({ stream: { health: { master: 5 } } })).health).toEqual({
      master: 5,
    });
    expect(decodeMessage('output', encode({ event: { health: { master: 3 } } })).health).toEqual({
      master: 3,
    });
    expect(decodeMessage('output', encode({ stream: {} })).health).toBeUndefined();
  });

  it("finds the server's time, to the nanosecond", () => {
    const bytes = encode({ timestamp: { seconds: 4_294_967_296, nanos: 999_999_999 } });
    expect(decodeMessage('output', bytes).sentAtNs).toBe(4_294_967_296_999_999_999n);
  });

  it.each(['output', 'points'] as const)('refuses what is no message: %s', (stream) => {
    expect(() => decodeMessage(stream, Buffer.alloc(20, 255))).toThrow(Error);
    expect(() => decodeMessage(stream, Buffer.from([0x0a, 100, 1]))).toThrow(Error);
  });
});
