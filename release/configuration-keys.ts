import { z } from 'zod';
import { variablesFor } from '../workers/configuration/environment.ts';
import { configurationSchema } from '../workers/configuration/schema.ts';

/** A table of `fairlead.toml`. */
export interface SectionDescription {
  name: string;
  /** `[[name]]`: may stand there several times. */
  repeated: boolean;
  description: string;
  /** Of a repeated one, what there is without the file. */
  usual: readonly Record<string, unknown>[];
  keys: KeyDescription[];
}

export interface KeyDescription {
  name: string;
  /** For people: `duration`, `1 to 64`. */
  kind: string;
  description: string;
  /** As the file has it; undefined where nothing is set. */
  usual: unknown;
  example: unknown;
  /** Whether the file must have it, where it has the section. */
  required: boolean;
  /** Of the environment; they win over the file. */
  variables: string[];
}

interface Described extends z.core.JSONSchema.JSONSchema {
  kind?: string;
  example?: unknown;
}

/** Every key that `fairlead.toml` can have, in the schema's order and from nothing but the schema. */
export function configurationKeys(): SectionDescription[] {
  const { properties = {} } = z.toJSONSchema(configurationSchema, { io: 'input' });
  return Object.entries(properties as Record<string, Described>).map(([name, section]) => {
    const repeated = section.type === 'array';
    const item = repeated ? (section.items as Described) : section;
    return {
      name,
      repeated,
      description: told(name, section.description),
      usual: repeated ? ((section.default ?? []) as Record<string, unknown>[]) : [],
      keys: Object.keys(item.properties ?? {}).map((key) => keyOf(name, key, item)),
    };
  });
}

function keyOf(section: string, name: string, item: Described): KeyDescription {
  const key = item.properties?.[name] as Described;
  return {
    name,
    kind: told(`${section}.${name}`, kindOf(key)),
    description: told(`${section}.${name}`, key.description),
    usual: key.default,
    example: key.example,
    required: item.required?.includes(name) ?? false,
    variables: variablesFor([section, name]),
  };
}

function told(place: string, text: string | undefined): string {
  if (text) return text;
  throw new Error(
    `workers/configuration/schema.ts does not tell what ${place} is: .describe('…'), and .meta({ kind: '…' }) where its type does not say it`,
  );
}

/** What the field says itself, else what its type says. */
function kindOf(key: Described): string | undefined {
  if (key.kind !== undefined) return key.kind;
  if (key.enum) return key.enum.map(tomlOf).join(' or ');
  if (key.type === 'integer') return integers(key);
  if (key.type === 'boolean') return 'true or false';
  if (key.type === 'object') return `table of ${kindOf(key.additionalProperties as Described)}`;
  if (key.type === 'array') return `list of ${kindOf(key.items as Described)}`;
  return key.type === 'string' ? 'text' : undefined;
}

function integers({ minimum, maximum }: Described): string {
  const most = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum;
  return most === undefined ? `whole number from ${minimum}` : `${minimum} to ${most}`;
}

/** A value as TOML spells it; what JSON and TOML spell alike. */
export const tomlOf = (value: unknown): string =>
  Array.isArray(value) ? `[${value.map(tomlOf).join(', ')}]` : JSON.stringify(value);
