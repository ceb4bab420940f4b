import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readComposeFile, readText } from './compose-file.ts';

const compose = readComposeFile();
const services = Object.entries(compose.services);
const portIn = (service: string, variable: string): number =>
  Number(String(compose.services[service]!.environment![variable]).split(':').at(-1));

const template = readText('deploy/temporal/config.yaml');
const portOfTemplate = (variable: string): number =>
  Number(new RegExp(`Port: {{ default "(\\d+)" \\(env "${variable}"\\)`).exec(template)![1]);

const simulator = /USUAL_PORTS = '([\d,]+)'/.exec(readText('cli/simulate.ts'))![1]!;

/** By each service's configuration; of images with none, what they are known for. */
const listens: Record<string, number[]> = {
  postgres: [5432],
  temporal: [
    portOfTemplate('FRONTEND_GRPC_PORT'),
    portOfTemplate('FRONTEND_HTTP_PORT'),
    portIn('temporal', 'PROMETHEUS_ENDPOINT'),
  ],
  'temporal-ui': [8080],
  'migration-worker': [portIn('migration-worker', 'FAIRLEAD_METRICS_PORT')],
  'sensor-worker': [portIn('sensor-worker', 'FAIRLEAD_METRICS_PORT')],
  'sensor-simulator': simulator.split(',').map(Number),
  prometheus: [9090],
  grafana: [3000],
};

describe.each(services)('service %s', (name, { ports = [], healthcheck }) => {
  it('publishes what it listens on, and on 127.0.0.1 alone', () => {
    for (const port of ports) {
      expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
      expect(listens[name]).toContain(Number(port.split(':')[2]));
    }
  });

  it('is asked for its health where it listens', () => {
    const question = (healthcheck?.test ?? []).join(' ');
    for (const [, port] of question.matchAll(/127\.0\.0\.1:(\d+)/g))
      expect(listens[name]).toContain(Number(port));
  });
});

it('publishes no port twice, and none of those that there can be many of', () => {
  const published = services.flatMap(([, { ports = [] }]) =>
    ports.map((port) => port.split(':')[1]),
  );
  expect(new Set(published).size).toBe(published.length);
  expect(compose.services['migration-worker']).not.toHaveProperty('ports');
  for (const [, service] of services) expect(service).not.toHaveProperty('container_name');
});

it('has what listens wherever one service is told of another', () => {
  const texts = [
    ...services.flatMap(([, { environment = {} }]) => Object.values(environment).map(String)),
    readText('deploy/compose/fairlead.toml'),
  ];
  const names = Object.keys(compose.services).join('|');
  const address = new RegExp(`(?<![\\w.-])(${names}):(\\d+)`, 'g');
  const found = texts.flatMap((text) => [...text.matchAll(address)]);
  expect(found.length).toBeGreaterThan(10);
  for (const [text, name, port] of found) expect(listens[name!], text).toContain(Number(port));
});

interface ScrapeConfigs {
  scrape_configs: {
    static_configs?: { targets: string[] }[];
    dns_sd_configs?: { names: string[]; type: string; port: number }[];
  }[];
}

it('has what listens wherever Prometheus looks, and all that has metrics is looked at', () => {
  const { scrape_configs } = parse(readText('deploy/prometheus/prometheus.yml')) as ScrapeConfigs;
  const targets = scrape_configs.flatMap(({ static_configs = [], dns_sd_configs = [] }) => [
    ...static_configs.flatMap((config) => config.targets),
    ...dns_sd_configs.flatMap(({ names, port }) => names.map((name) => `${name}:${port}`)),
  ]);
  for (const target of targets) {
    const [name = '', port] = target.split(':');
    const isItself = name === 'localhost' || name === '127.0.0.1';
    expect(listens[isItself ? 'prometheus' : name], target).toContain(Number(port));
  }
  for (const name of ['migration-worker', 'sensor-worker', 'temporal'])
    expect(targets).toContain(`${name}:${listens[name]!.at(-1)}`);
});
