import type { ServerHealth } from './server-commands.ts';

/** A part of the sensor server: itself, a node, an edge, or a sensor. */
export interface HealthRow {
  part: string;
  /** As the server spells it. */
  state: string;
  isWell: boolean;
}

/** Names, or the numbers of the protocol: `NONE` 0, `OK` and `ALIVE` 1. */
const WELL = /^(?:1|(?:\w+_)?(?:ok|alive))$/i;

/** The server first, then each node with its sensors and edges. */
export function healthRows({ master, nodes = {} }: ServerHealth): HealthRow[] {
  return [
    rowOf('server', master ?? 'unknown'),
    ...Object.entries(nodes).flatMap(([name, node]) => nodeRows(name, node)),
  ];
}

function nodeRows(name: string, node: unknown): HealthRow[] {
  if (!isRecord(node)) return [rowOf(name, node)];
  const { status, sensors, edges } = node;
  return [
    rowOf(name, status ?? 'unknown'),
    ...entriesOf(sensors).map(([sensor, state]) => rowOf(joined(name, sensor), state)),
    ...entriesOf(edges).flatMap(([edge, state]) => nodeRows(joined(name, edge), state)),
  ];
}

const joined = (node: string, part: string): string => `${node}/${part.replace(/^\//, '')}`;

function rowOf(part: string, state: unknown): HealthRow {
  const text = typeof state === 'string' ? state : (JSON.stringify(state) ?? 'unknown');
  return { part, state: text, isWell: WELL.test(text) };
}

const entriesOf = (value: unknown): [string, unknown][] =>
  isRecord(value) ? Object.entries(value) : [];

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
