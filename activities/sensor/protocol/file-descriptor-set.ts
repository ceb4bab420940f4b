import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor.js';
import type {
  IDescriptorProto,
  IEnumDescriptorProto,
  IFieldDescriptorProto,
} from 'protobufjs/ext/descriptor.js';
import { protocolFiles } from './sensr-messages.ts';

const SCALAR_TYPES: Record<string, number> = {
  float: 2,
  int64: 3,
  int32: 5,
  bool: 8,
  string: 9,
  bytes: 12,
};
const MESSAGE_TYPE = 11;
const ENUM_TYPE = 14;
const OPTIONAL = 1;
const REPEATED = 3;

/**
 * The protocol as a serialized `google.protobuf.FileDescriptorSet`, imported files before those that import them: the
 * schema of a recording, from which any protobuf library decodes it. (protobufjs's own `Root.toDescriptor` leaves out
 * the imports, and other libraries refuse that.)
 */
export function encodeFileDescriptorSet(): Uint8Array {
  const file = protocolFiles.map(({ name, imports, declared }) => ({
    name,
    package: declared[0]?.parent?.fullName.slice(1) ?? '',
    dependency: [...imports],
    syntax: 'proto3',
    messageType: declared.filter((object) => object instanceof protobuf.Type).map(describeMessage),
    enumType: declared.filter((object) => object instanceof protobuf.Enum).map(describeEnum),
  }));
  return descriptor.FileDescriptorSet.encode({ file }).finish();
}

function describeMessage(type: protobuf.Type): IDescriptorProto {
  const nested = type.nestedArray;
  return {
    name: type.name,
    field: type.fieldsArray.map((field) => describeField(type, field)),
    nestedType: [
      ...nested.filter((object) => object instanceof protobuf.Type).map(describeMessage),
      ...type.fieldsArray.filter((field) => field instanceof protobuf.MapField).map(describeEntry),
    ],
    enumType: nested.filter((object) => object instanceof protobuf.Enum).map(describeEnum),
  };
}

function describeField(type: protobuf.Type, field: protobuf.Field): IFieldDescriptorProto {
  const { name, id: number } = field;
  if (!(field instanceof protobuf.MapField))
    return { name, number, label: field.repeated ? REPEATED : OPTIONAL, ...describeType(field) };
  const typeName = `${type.fullName}.${entryName(field)}`;
  return { name, number, label: REPEATED, type: MESSAGE_TYPE, typeName };
}

function describeType({ type, resolvedType }: protobuf.FieldBase): IFieldDescriptorProto {
  if (!resolvedType) return { type: SCALAR_TYPES[type]! };
  const isEnum = resolvedType instanceof protobuf.Enum;
  return { type: isEnum ? ENUM_TYPE : MESSAGE_TYPE, typeName: resolvedType.fullName };
}

/** A map is a repeated message of key and value, whose name is laid down. */
function describeEntry(field: protobuf.MapField): IDescriptorProto {
  const key = { name: 'key', number: 1, label: OPTIONAL, type: SCALAR_TYPES[field.keyType]! };
  const value = { name: 'value', number: 2, label: OPTIONAL, ...describeType(field) };
  return { name: entryName(field), field: [key, value], options: { mapEntry: true } };
}

const entryName = ({ name }: protobuf.FieldBase): string =>
  `${name
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')}Entry`;

const describeEnum = ({ name, values }: protobuf.Enum): IEnumDescriptorProto => ({
  name,
  value: Object.entries(values).map(([word, number]) => ({ name: word, number })),
});
