import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { interpolate } from './interpolate.ts';

/** As much of the Compose specification as docker-compose.yml uses. */
export interface ComposeFile {
  name: string;
  services: Record<string, ComposeService>;
  volumes: Record<string, null>;
}

export interface ComposeService {
  image: string;
  user?: string;
  build?: string;
  init?: boolean;
  restart: string;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  tmpfs?: string[];
  entrypoint?: string[];
  command?: string[];
  environment?: Record<string, string | number>;
  env_file?: { path: string; required: boolean }[];
  ports?: string[];
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  stop_grace_period?: string;
  profiles?: string[];
}

export type Variables = Readonly<Record<string, string>>;

export const composePath = join(packageRoot, 'docker-compose.yml');

/** The variables that .env.example sets, or shows with a value. */
export function exampleVariables(): { set: string[]; shown: string[] } {
  const text = readFileSync(join(packageRoot, '.env.example'), 'utf8');
  const names = (pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1]!);
  return { set: names(/^(\w+)=/gm), shown: names(/^# (\w+)=/gm) };
}

/** The passwords that .env.example asks for, filled in. */
export const filledIn = (): Record<string, string> =>
  Object.fromEntries(exampleVariables().set.map((name) => [name, `secret${name.length}`]));

/**
 * docker-compose.yml as docker compose reads it.
 *
 * @param onUse is told each variable that the file names
 * @throws where a variable that must be set is not
 */
export function readComposeFile(
  variables: Variables = filledIn(),
  onUse: (name: string) => void = () => {},
): ComposeFile {
  const document: unknown = parse(readFileSync(composePath, 'utf8'), { merge: true });
  return mapStrings(document, (text) => interpolate(text, variables, onUse)) as ComposeFile;
}

function mapStrings(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, change));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, mapStrings(item, change)]);
  return Object.fromEntries(entries);
}

/** What is mounted from this repository or a volume: where it lies, and where it is seen. */
export const mountsOf = ({ volumes = [] }: ComposeService) =>
  volumes.map((line) => {
    const [source = '', target = '', mode] = line.split(':');
    return { source, target, mode };
  });

/** Whether it runs the image that is built here. */
export const isOurs = ({ build }: ComposeService): boolean => build !== undefined;

export const readText = (path: string): string => readFileSync(join(packageRoot, path), 'utf8');
