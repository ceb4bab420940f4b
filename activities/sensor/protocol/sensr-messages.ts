import protobuf from 'protobufjs';
import type { SensorStream } from '../../../domain/sensor.ts';
import { protoFiles } from './sensr-proto.ts';

/** What one file of the protocol declares outside of other messages. */
export interface ProtocolFile {
  name: string;
  imports: readonly string[];
  declared: readonly protobuf.ReflectionObject[];
}

const root = new protobuf.Root();

/** Imported files before those that import them. */
export const protocolFiles: readonly ProtocolFile[] = Object.entries(protoFiles).map(
  ([name, text]) => {
    const before = new Set(declaredIn(root));
    const { imports = [] } = protobuf.parse(text, root, { keepCase: true });
    return { name, imports, declared: declaredIn(root).filter((object) => !before.has(object)) };
  },
);
root.resolveAll();

function declaredIn(space: protobuf.NamespaceBase): protobuf.ReflectionObject[] {
  return space.nestedArray.flatMap((object) =>
    object instanceof protobuf.Namespace && !(object instanceof protobuf.Type)
      ? declaredIn(object)
      : [object],
  );
}

/** The message that each frame of a stream holds. */
export const messageNames = {
  output: 'sensr_proto.OutputMessage',
  points: 'sensr_proto.PointResult',
} as const satisfies Record<SensorStream, string>;

export const messageTypes: Record<SensorStream, protobuf.Type> = {
  output: root.lookupType(messageNames.output),
  points: root.lookupType(messageNames.points),
};
