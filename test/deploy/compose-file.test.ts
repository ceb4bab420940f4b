import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DCLinter } from 'dclint';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { runCommand } from '../../workers/stack/run-command.ts';
import {
  composePath,
  exampleVariables,
  filledIn,
  isOurs,
  mountsOf,
  readComposeFile,
  readText,
} from './compose-file.ts';

const compose = readComposeFile();
const services = Object.entries(compose.services);

/** Rules of order and taste; an image beside a build is what the build is called. */
const leftOut = {
  'no-build-and-image': 0,
  'service-keys-order': 0,
  'services-alphabetical-order': 0,
  'service-dependencies-alphabetical-order': 0,
  'top-level-properties-order': 0,
} as const;

describe('docker-compose.yml', () => {
  it('is valid by the JSON schema of the Compose specification, and by the rules of dclint', () => {
    const linter = new DCLinter({ rules: leftOut, quiet: true, debug: false, exclude: [] });
    const [result] = linter.lintFiles([composePath], false);
    expect(result?.messages).toEqual([]);
  });

  it('is taken by docker compose itself, where that is installed', async (context) => {
    const env = { ...process.env, ...filledIn() };
    const ask = (...words: string[]) =>
      runCommand('docker', ['compose', ...words], { timeoutMs: 30_000, cwd: packageRoot, env });
    const version = await ask('version').catch(() => undefined);
    context.skip(version?.code !== 0, 'docker compose is not installed');
    const answer = await ask('--profile', '*', 'config', '--quiet');
    expect(answer).toMatchObject({ code: 0, stderr: '' });
  });

  it('asks for each password, and has none', () => {
    for (const name of exampleVariables().set) {
      const others = Object.entries(filledIn()).filter(([key]) => key !== name);
      expect(() => readComposeFile(Object.fromEntries(others))).toThrow(
        `${name}: copy .env.example to .env`,
      );
    }
    const passwords = services.flatMap(([, { environment = {} }]) =>
      Object.entries(environment).filter(([name]) => /PASSWORD|_URL$/.test(name)),
    );
    expect(passwords.length).toBeGreaterThan(8);
    for (const [name, value] of passwords) expect(value, name).toMatch(/secret\d+/);
  });

  it('names the variables that .env.example explains, and no other', () => {
    const used = new Set<string>();
    readComposeFile(filledIn(), (name) => used.add(name));
    const { set, shown } = exampleVariables();
    expect([...used].toSorted()).toEqual([...set, ...shown].toSorted());
  });

  it('has the defaults that .env.example shows', () => {
    const shown = readText('.env.example').matchAll(/^# (\w+)=(.*)$/gm);
    const defaults = [...shown].filter(([, , value]) => !value!.includes('example'));
    expect(defaults.length).toBeGreaterThan(8);
    for (const [, name, value] of defaults)
      expect(readText('docker-compose.yml')).toContain(`\${${name}:-${value}}`);
  });

  it('uses each named volume', () => {
    const used = services.flatMap(([, service]) => mountsOf(service).map(({ source }) => source));
    for (const name of Object.keys(compose.volumes)) expect(used).toContain(name);
  });

  it('has one version of Temporal, and no image that is no longer kept up', () => {
    const images = services.map(([, { image }]) => image);
    const versions = images.flatMap(
      (image) => /^temporalio\/(?:server|admin-tools):(.+)$/.exec(image)?.[1] ?? [],
    );
    expect(versions).toHaveLength(3);
    expect(new Set(versions).size).toBe(1);
    expect(images.join()).not.toContain('auto-setup');
  });
});

describe.each(services)('service %s', (name, service) => {
  it('has an image of one version', () => {
    if (isOurs(service)) expect(service.image).toBe('fairlead:local');
    else expect(service.image).toMatch(/^[\w/-]+:v?\d+\.\d+(\.\d+)?(-\w+)?$/);
  });

  it('runs as a normal user, who can write nowhere else', () => {
    expect(service.user).toMatch(/^(postgres|temporal|node|nobody|grafana)$/);
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      tmpfs: expect.arrayContaining(['/tmp']),
    });
  });

  it('waits for what is there, and can be waited for in this way', () => {
    for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
      const other = compose.services[needed];
      if (condition === 'service_healthy') expect(other?.healthcheck).toBeDefined();
      else {
        expect(condition).toBe('service_completed_successfully');
        expect(other?.restart).toBe('on-failure:5');
      }
    }
  });

  it('is asked for its health, unless it ends by itself or is for trying', () => {
    const stays = service.restart === 'unless-stopped' && service.profiles === undefined;
    expect(service.healthcheck !== undefined).toBe(stays);
  });

  it('mounts what exists; of this repository only to be read', () => {
    for (const { source, mode } of mountsOf(service)) {
      if (!source.startsWith('.')) expect(compose.volumes).toHaveProperty(source);
      else
        expect({ source, there: existsSync(join(packageRoot, source)), mode }).toEqual({
          source,
          there: true,
          mode: 'ro',
        });
    }
  });

  it('names paths that are mounted', () => {
    const { entrypoint = [], command = [], environment = {}, healthcheck } = service;
    const question = (healthcheck?.test ?? []).filter((word) => word !== '/dev/null');
    const values = Object.values(environment).map(String);
    const words = [...entrypoint, ...command, ...question, ...values];
    const targets = mountsOf(service).map(({ target }) => target);
    for (const word of words) {
      const path = /^(?:--[\w.]+=)?(\/[\w./-]+)$/.exec(word)?.[1];
      if (path) expect(targets, name).toContain(path);
    }
  });
});
