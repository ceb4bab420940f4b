import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfiguration } from '../../workers/configuration.ts';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { isOurs, mountsOf, readComposeFile, readText } from './compose-file.ts';
import { parseCommand } from './parse-command.ts';

const compose = readComposeFile();
const ours = Object.entries(compose.services).filter(([, service]) => isOurs(service));
const file = join(packageRoot, 'deploy', 'compose', 'fairlead.toml');

describe.each(ours)('service %s', (name, { command, environment = {} }) => {
  it('runs a command that the command line takes', async () => {
    const expected: Record<string, object | undefined> = {
      'migration-worker': { ran: 'worker', options: { queue: 'migration' } },
      'sensor-worker': { ran: 'worker', options: { queue: 'sensor' } },
      'sensor-simulator': { ran: 'sensr', options: { host: '0.0.0.0' } },
    };
    if (name === 'fairlead') expect(command).toBeUndefined();
    else expect(await parseCommand(command!)).toMatchObject(expected[name]!);
  });

  it('gets variables that the product knows', () => {
    const known = [...readText('docs/operate.md').matchAll(/`([A-Z][A-Z_]+)`/g)].map(
      ([, of]) => of,
    );
    for (const variable of Object.keys(environment)) expect(known).toContain(variable);
  });

  it('reads its configuration without a fault', () => {
    const variables = Object.entries(environment).map(([key, value]) => [key, String(value)]);
    const configuration = loadConfiguration({
      file,
      environment: Object.fromEntries(variables) as Record<string, string>,
    });
    expect(configuration.warnings).toEqual([]);
    expect(configuration.local).toBe(name === 'sensor-simulator');
    const port = environment['FAIRLEAD_METRICS_PORT'];
    const metrics = port === undefined ? {} : { address: '0.0.0.0', port };
    expect(configuration.metrics).toMatchObject(metrics);
  });
});

it('has time to end for a worker that is told to', () => {
  for (const [name, source] of [
    ['migration-worker', 'workers/migration-worker.ts'],
    ['sensor-worker', 'workers/sensor-worker.ts'],
  ] as const) {
    const longest = /SHUTDOWN_FORCE_MS = (\d+)_000/.exec(readText(source))![1];
    const grace = compose.services[name]!.stop_grace_period!;
    expect(Number.parseInt(grace, 10), name).toBeGreaterThanOrEqual(Number(longest) + 5);
  }
});

it('has the recordings where the sensor worker writes them', () => {
  const { sensors } = loadConfiguration({ file, environment: {} });
  const out = new Set(sensors.map((sensor) => sensor.out));
  expect([...out]).toEqual([join(packageRoot, 'deploy', 'compose', 'recordings')]);
  for (const name of ['sensor-worker', 'fairlead'])
    expect(mountsOf(compose.services[name]!)).toEqual(
      expect.arrayContaining([
        { source: './deploy/compose/fairlead.toml', target: '/fairlead/fairlead.toml', mode: 'ro' },
        { source: 'recordings', target: '/fairlead/recordings' },
      ]),
    );
});
