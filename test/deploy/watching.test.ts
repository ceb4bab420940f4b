import { readdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { mountsOf, readComposeFile, readText } from './compose-file.ts';

const { services } = readComposeFile();
const targetsOf = (name: string) => mountsOf(services[name]!).map(({ target }) => target);

function provisioned<T>(kind: 'dashboards' | 'datasources'): T[] {
  const folder = join('deploy', 'grafana', 'provisioning', kind);
  const files = readdirSync(join(packageRoot, folder)).filter((file) => /\.ya?ml$/.test(file));
  return files.map((file) => parse(readText(join(folder, file))) as T);
}

it('has the dashboards where Grafana is told to look for them', () => {
  const found = provisioned<{ providers: { options: { path: string } }[] }>('dashboards');
  const paths = found.flatMap(({ providers }) => providers.map(({ options }) => options.path));
  expect(paths.length).toBeGreaterThan(0);
  for (const path of paths) expect(targetsOf('grafana')).toContain(path);
});

it('has Prometheus where Grafana is told to ask', () => {
  const found = provisioned<{ datasources: { url: string }[] }>('datasources');
  const urls = found.flatMap(({ datasources }) => datasources.map(({ url }) => url));
  expect(urls).toEqual(['http://prometheus:9090']);
});

it('has the alert rules where Prometheus is told to read them', () => {
  const { rule_files } = parse(readText('deploy/prometheus/prometheus.yml')) as {
    rule_files: string[];
  };
  expect(rule_files.length).toBeGreaterThan(0);
  for (const file of rule_files)
    expect(targetsOf('prometheus')).toContain(posix.resolve('/etc/prometheus', file));
});
