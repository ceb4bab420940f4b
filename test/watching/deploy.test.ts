import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { sensorWorld } from '../cli/sensor-world.ts';
import { sumOf, type Sample } from './exposition.ts';
import { selectionsOf } from './promql.ts';
import { scrapeOf, stumblingMigration } from './stumbling-migration.ts';

const read = (file: string): string => readFileSync(join(packageRoot, file), 'utf8');

interface Alert {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; runbook_url: string };
}
interface Panel {
  type: string;
  title: string;
  datasource?: { uid: string };
  targets?: { expr: string }[];
}

const rules = parse(read('deploy/prometheus/alerts.yml')) as { groups: { rules: Alert[] }[] };
const alerts = rules.groups.flatMap((group) => group.rules);
const prometheus = parse(read('deploy/prometheus/prometheus.yml')) as {
  rule_files: string[];
  scrape_configs: { job_name: string }[];
};
const { panels } = JSON.parse(read('deploy/grafana/dashboards/fairlead.json')) as {
  panels: Panel[];
};
const expressions: [string, string][] = [
  ...alerts.map(({ alert, expr }): [string, string] => [alert, expr]),
  ...panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }): [string, string] => [title, expr]),
  ),
];

/** Prometheus makes it itself, of each place that it scrapes. */
const UP: Sample[] = prometheus.scrape_configs.map(({ job_name: job }) => ({
  name: 'up',
  labels: { job },
  value: 1,
}));

describe('what is deployed to watch a fleet', () => {
  const samples: Sample[] = [...UP];

  beforeAll(async () => {
    const pages = await Promise.all([samplesOfMigration(), samplesOfSensor()]);
    samples.push(...pages.flat());
  });

  it.each(expressions)('%s asks only for what a worker exports: %s', (_, expression) => {
    const selections = selectionsOf(expression);
    expect(selections).not.toEqual([]);
    for (const { name, labels, equal } of selections) {
      const series = samples.filter((sample) => sample.name === name);
      expect(series, name).not.toEqual([]);
      for (const label of labels.filter((each) => each !== 'le'))
        expect(
          series.flatMap((sample) => Object.keys(sample.labels)),
          name,
        ).toContain(label);
      for (const [label, value] of Object.entries(equal))
        expect(
          series.map((sample) => sample.labels[label]),
          name,
        ).toContain(value);
    }
  });
});

async function samplesOfMigration(): Promise<Sample[]> {
  await using migration = await stumblingMigration();
  await migration.start();
  const waits = { kind: 'operator' };
  const waiting = await migration.scraped(
    (samples) => sumOf(samples, 'fairlead_migration_waiting_seconds', waits) > 0,
  );
  await migration.goOn();
  const isRead = (samples: Sample[]) =>
    sumOf(samples, 'fairlead_ledger_chunks', { state: 'failed' }) > 0;
  return [...waiting, ...(await migration.scraped(isRead))];
}

/** Until a ping was answered. */
async function samplesOfSensor(): Promise<Sample[]> {
  await using world = await sensorWorld('', 'profile = "client"');
  await using worker = await world.startWorker();
  await world.fairlead('sensor', 'start', 'pier-3');
  for (;;) {
    const samples = await scrapeOf(worker);
    if (sumOf(samples, 'fairlead_sensor_ping_milliseconds_count') > 0) return samples;
    await sleep(200);
  }
}

describe('the alerts', () => {
  const page = read('docs/operate.md');
  const runbook = page.slice(page.indexOf('## At 3 a.m.'), page.indexOf('## When a chunk failed'));
  const sections = runbook.split(/^### /m).slice(1);

  it('have a section each of what to do, and each section is of an alert', () => {
    const titles = sections.map((section) => section.split('\n')[0]);
    expect(new Set(titles)).toEqual(new Set(alerts.map(({ alert }) => alert)));
  });

  it.each(alerts)('$alert leads to its section, which says what to type', (rule) => {
    const { alert, labels, annotations } = rule;
    expect(annotations.runbook_url).toBe(`docs/operate.md#${alert.toLowerCase()}`);
    expect(annotations.summary).not.toBe('');
    const section = sections.find((each) => each.startsWith(`${alert}\n`));
    expect(section).toMatch(/```sh\n\S/);
    expect(section).toContain(`(\`${labels.severity}\`)`);
  });

  it('are read by Prometheus', () => {
    for (const file of prometheus.rule_files)
      expect(existsSync(join(packageRoot, 'deploy/prometheus', file))).toBe(true);
  });
});

describe('the dashboard', () => {
  it('asks the data source that is provided with it', () => {
    const sources = parse(read('deploy/grafana/provisioning/datasources/prometheus.yml')) as {
      datasources: { uid: string }[];
    };
    const [source] = sources.datasources;
    const asking = panels.filter(({ type }) => type !== 'row');
    expect(new Set(asking.map(({ datasource }) => datasource?.uid))).toEqual(
      new Set([source!.uid]),
    );
    expect(asking.length).toBeGreaterThan(10);
  });
});
