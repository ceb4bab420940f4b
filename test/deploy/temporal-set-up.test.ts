import { expect, it } from 'vitest';
import {
  migrationSearchAttributes,
  sensorSearchAttributes,
} from '../../domain/search-attributes.ts';
import { readComposeFile, readText } from './compose-file.ts';

const { services } = readComposeFile();
const template = readText('deploy/temporal/config.yaml');

const variablesIn = (text: string, pattern: RegExp): string[] =>
  [...new Set([...text.matchAll(pattern)].map((match) => match[1]!))].toSorted();

const environmentOf = (name: string): string[] =>
  Object.keys(services[name]!.environment ?? {}).toSorted();

it.each(['deploy/temporal/set-up-namespace.sh', 'docs/operate.md'])(
  'creates in %s the search attributes that the workflows have',
  (path) => {
    const flags = readText(path).matchAll(/--name (\w+) --type (\w+)/g);
    expect(Object.fromEntries([...flags].map(([, name, type]) => [name, type]))).toEqual({
      ...migrationSearchAttributes,
      ...sensorSearchAttributes,
    });
  },
);

it('gives the server variables that its configuration or its program reads', () => {
  const ofProgram = ['TEMPORAL_ALLOW_NO_AUTH', 'TEMPORAL_SERVER_CONFIG_FILE_PATH'];
  const known = [...variablesIn(template, /env "(\w+)"/g), ...ofProgram];
  for (const name of environmentOf('temporal')) expect(known).toContain(name);
});

it('gives the server all variables for which its configuration has no default', () => {
  const needed = variablesIn(template, /(?<!default "[^"]*" \()env "(\w+)"/g);
  // The image finds it out by itself when it binds to all addresses.
  const ofImage = 'TEMPORAL_BROADCAST_ADDRESS';
  expect(needed).toContain(ofImage);
  expect(environmentOf('temporal')).toEqual(
    expect.arrayContaining(needed.filter((name) => name !== ofImage)),
  );
  expect(services['temporal']!.environment).toMatchObject({ BIND_ON_IP: '0.0.0.0' });
});

it('gives the set-up scripts the variables that they name', () => {
  const [namespace, schema] = ['namespace', 'schema'].map((what) =>
    readText(`deploy/temporal/set-up-${what}.sh`),
  );
  expect(environmentOf('temporal-namespace')).toEqual(variablesIn(namespace!, /\b(TEMPORAL_\w+)/g));
  expect(environmentOf('temporal-schema')).toEqual(variablesIn(schema!, /\b(SQL_\w+)/g));
});
