import type { Fault } from './faults.ts';
import type { KeyPath } from './locate-keys.ts';
import { nearest } from './nearest.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The keys that a variable of the environment wins over; a number is read as one. */
const variables = {
  FAIRLEAD_SOURCE_URL: ['source', 'url'],
  FAIRLEAD_TARGET_URL: ['target', 'url'],
  FAIRLEAD_SOURCE_PASSWORD_FILE: ['source', 'passwordFile'],
  FAIRLEAD_TARGET_PASSWORD_FILE: ['target', 'passwordFile'],
  FAIRLEAD_PAYLOAD_KEY_FILE: ['temporal', 'payloadKeys'],
  FAIRLEAD_POSTGRES_PORT: ['stack', 'postgresPort'],
  FAIRLEAD_TEMPORAL_PORT: ['stack', 'temporalPort'],
  FAIRLEAD_TEMPORAL_UI_PORT: ['stack', 'temporalUiPort'],
  FAIRLEAD_METRICS_PORT: ['metrics', 'port'],
  FAIRLEAD_METRICS_ADDRESS: ['metrics', 'address'],
} as const;

type Table = Record<string, unknown>;

/** The document with what the environment sets; an empty variable counts as not set. */
export function overlayEnvironment(document: Table, environment: Environment): Table {
  const result = { ...document };
  for (const [variable, [section, key]] of Object.entries(variables)) {
    const value = environment[variable]?.trim();
    const table = result[section] ?? {};
    if (!value || !isTable(table)) continue;
    result[section] = { ...table, [key]: /Port$|^port$/.test(key) ? asNumber(value) : value };
  }
  return result;
}

const PREFIX = 'FAIRLEAD_';
/** Those that are no key of the file. */
const others = ['FAIRLEAD_HOME', 'FAIRLEAD_STACK_TEMPORAL', 'FAIRLEAD_STACK_METRICS_PORT'];

/** Variables that look like one of ours and are none: they would be left out in silence. */
export function misspelledVariables(environment: Environment): Fault[] {
  const known = [...Object.keys(variables), ...others];
  return Object.keys(environment).flatMap((name): Fault[] => {
    if (!/^FAIRLEAD_/i.test(name) || known.includes(name) || !environment[name]) return [];
    const rest = name.slice(PREFIX.length);
    const meant = nearest(
      rest,
      known.map((variable) => variable.slice(PREFIX.length)),
    );
    const message = `is an unknown variable of the environment; did you mean ${PREFIX}${meant}?`;
    return meant === undefined ? [] : [{ path: [name], message }];
  });
}

/** The variables that win over a key, set or not. */
export const variablesFor = ([section, key]: KeyPath): string[] =>
  Object.entries(variables).flatMap(([variable, path]) =>
    path[0] === section && path[1] === key ? [variable] : [],
  );

/** The variable that gave a key its value. */
export const variableOf = (path: KeyPath, environment: Environment): string | undefined =>
  variablesFor(path).find((variable) => environment[variable]?.trim());

const isTable = (value: unknown): value is Table =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const asNumber = (text: string): number | string => (/^\d+$/.test(text) ? Number(text) : text);
