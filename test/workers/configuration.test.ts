import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { FairleadError } from '../../domain/errors.ts';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { loadConfiguration } from '../../workers/configuration.ts';
import { makeCertificate } from '../activities/sensor/certificates.ts';
import { requireBothOrNeither } from '../../workers/resolve-database.ts';

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

function folderWith(files: Record<string, string> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-configuration-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const load = (toml: string, environment = {}, files = {}) =>
  loadConfiguration({ folder: folderWith({ 'fairlead.toml': toml, ...files }), environment });

function faultsOf(...input: Parameters<typeof load>): string {
  try {
    load(...input);
  } catch (error) {
    expect(error).toBeInstanceOf(FairleadError);
    expect((error as FairleadError).code).toBe('config-invalid');
    return (error as FairleadError).message;
  }
  throw new Error('expected faults');
}

const example = readFileSync(join(packageRoot, 'fairlead.example.toml'), 'utf8');

/** A certificate and its key, under the names of the example. */
function pemFiles() {
  const folder = folderWith();
  const { cert, key } = makeCertificate(folder, 'DNS:client');
  return { 'certificates.pem': cert, 'client.pem': cert, 'client.key': key };
}

describe('defaults', () => {
  it('are local, beside the configuration, with the three channel groups of the ships', () => {
    const folder = folderWith();
    const configuration = loadConfiguration({ folder, environment: {} });
    expect(configuration).toMatchObject({
      file: undefined,
      local: true,
      home: join(folder, '.fairlead'),
      source: { url: undefined, table: { schema: 'tenant', name: 'tbl_data_timeseries' } },
      target: { table: { schema: 'tenant', name: 'tbl_data_timeseries_{ship}_{group}' } },
      migration: { widthMs: 7_200_000, window: 2, installation: undefined },
    });
    expect(configuration.channelGroups.map(({ channels }) => channels.length)).toEqual([
      347, 655, 50,
    ]);
  });

  it('are what fairlead.example.toml says', () => {
    const file = join(packageRoot, 'fairlead.example.toml');
    const fromExample = loadConfiguration({ file, environment: {} });
    const byDefault = loadConfiguration({ folder: folderWith(), environment: {} });
    expect({ ...fromExample, file: undefined, home: byDefault.home }).toEqual(byDefault);
  });

  it('are a valid example in fairlead.example.toml, of keys that have none', () => {
    const everything = example.replaceAll(/^# (?=\[|"?[\w/]+[^ ]* = )/gm, '');
    const files = Object.fromEntries(
      ['auxiliary', 'engine', 'navigation'].map((name) => [`${name}.txt`, `/${name}\n`]),
    );
    const named = { 'reader.password': 'secret', 'writer.password': 'secret', ...pemFiles() };
    Object.assign(named, { 'payload.keys': `a ${randomBytes(32).toString('base64')}` });
    const configuration = load(everything.replaceAll('channels/', ''), {}, { ...files, ...named });
    expect(configuration.sensors).toHaveLength(1);
    expect(configuration.migration.installation).toBe('pier');
    expect(configuration.stack.postgresPort).toBe(54_329);
  });
});

describe('TLS and passwords of a database', () => {
  const source = (parameters: string, more = '') =>
    `[source]\nurl = "postgresql://a@db.example/c?${parameters}"\n${more}\n[target]\nurl = "postgresql://a@b/c"`;

  it('are told with every fault, and never dialled with one', () => {
    const files = { 'ca.pem': 'no certificate', 'empty.password': '\n' };
    const faulty: [string, string][] = [
      ['sslmode=prefer', 'has sslmode="prefer", which may fall back to no encryption in silence'],
      ['sslmode=full', 'has sslmode="full"; write one of disable, require, verify-ca, verify-full'],
      ['ssl=no-verify', 'has ssl: write sslmode instead'],
      ['sslmode=verify-ca', 'has sslmode=verify-ca without sslrootcert'],
      ['sslrootcert=ca.pem', 'has certificates, and no sslmode that uses them'],
      ['sslmode=require&sslcert=a.pem', 'has one of sslcert and sslkey: both or neither'],
      ['sslmode=require&sslcrl=a.pem', 'has sslcrl, which Fairlead does not know'],
    ];
    for (const [parameters, fault] of faulty)
      expect(faultsOf(source(parameters), {}, files)).toContain(`line 2: source.url ${fault}`);
    const trusting = (file: string) => source(`sslmode=verify-full&sslrootcert=${file}`);
    expect(faultsOf(trusting('no.pem'))).toMatch(/url names .*no.pem, which cannot be read/);
    expect(faultsOf(trusting('ca.pem'), {}, files)).toMatch(/is no PEM file of a certificate/);
    expect(faultsOf(source('', 'passwordFile = "no.password"'))).toContain('(ENOENT)');
    expect(faultsOf(source('', 'passwordFile = "empty.password"'), {}, files)).toContain(
      'is empty',
    );
    const both = {
      FAIRLEAD_SOURCE_URL: 'postgresql://a:secret@b/c',
      FAIRLEAD_SOURCE_PASSWORD_FILE: 'ca.pem',
    };
    const fault = faultsOf('[target]\nurl = "postgresql://a@b/c"', both, files);
    expect(fault).toContain('and url has a password too');
    expect(fault).not.toContain('secret');
    expect(faultsOf('[source]\npasswordFile = "ca.pem"', {}, files)).toContain('and url is not');
  });

  it("are completed by libpq's variables, with absolute paths", () => {
    const environment = { PGSSLMODE: 'verify-full', PGSSLROOTCERT: 'system' };
    const read = (url: string) => load(`[source]\nurl = "${url}"`, environment).source.url;
    expect(read('postgresql://a@b/c')).toBe(
      'postgresql://a@b/c?sslmode=verify-full&sslrootcert=system',
    );
    expect(read('postgresql://a@b/c?sslmode=disable')).toBe('postgresql://a@b/c?sslmode=disable');
  });
});

describe('environment', () => {
  it('wins over the file', () => {
    const configuration = load('[source]\nurl = "postgresql://a@b/c"\n[metrics]\nport = 1', {
      FAIRLEAD_SOURCE_URL: 'postgresql://x@y/z?keepalives=1&unknown=yes',
      FAIRLEAD_METRICS_PORT: '9999',
      FAIRLEAD_HOME: '/somewhere',
      FAIRLEAD_TARGET_URL: '',
    });
    expect(configuration).toMatchObject({
      local: false,
      home: '/somewhere',
      source: { url: 'postgresql://x@y/z?keepalives=1&unknown=yes' },
      target: { url: undefined },
      metrics: { port: 9999 },
    });
  });

  it('is named when its value is wrong, without the secret', () => {
    const message = faultsOf('', {
      FAIRLEAD_SOURCE_URL: 'postgresql://me:hun#ter2@host/db',
      FAIRLEAD_TEMPORAL_PORT: 'x',
    });
    expect(message).toContain('FAIRLEAD_SOURCE_URL: source.url is no URL');
    expect(message).toContain('FAIRLEAD_TEMPORAL_PORT: stack.temporalPort');
    expect(message).not.toContain('ter2');
  });
});

describe('faults', () => {
  it('are told all at once, each with its line', () => {
    const message = faultsOf(
      [
        '[source]',
        'url = "db.example/tenant"',
        'tabel = "tenant.t"',
        '[migration]',
        'width = "25h" # too long',
        'window = 0',
        '[migrashun]',
        '[target]',
        'table = "tenant.wide_{group}"',
        '[fleet]',
        'ships = [',
        '  "IMO9976903",',
        '  "imo9976903",',
        ']',
      ].join('\n'),
    );
    expect(message.split('\n')).toEqual([
      'fairlead.toml: 7 faults',
      expect.stringContaining('line 2: source.url is no URL'),
      '  line 3: source.tabel is an unknown key; did you mean table?',
      '  line 5: migration.width "25h" is no duration of at most 1d',
      expect.stringContaining('line 6: migration.window '),
      '  line 7: migrashun is an unknown key; did you mean migration?',
      expect.stringContaining('line 9: target.table "tenant.wide_{group}" has no {ship}'),
      expect.stringContaining('line 13: fleet.ships[1] has IMO9976903 and imo9976903'),
    ]);
  });

  it.each(['0s', '0h', '-2h', '2', 'two hours'])('refuse the width %s', (width) => {
    expect(faultsOf(`[migration]\nwidth = "${width}"`)).toContain('line 2: migration.width');
  });

  it('of TOML itself have line and column, and never show the document', () => {
    const message = faultsOf('[source]\nurl = "postgresql://me:hunter2@host/db\nwindow = 1');
    expect(message).toMatch(/line 2, column \d+: /);
    expect(message).not.toContain('hunter2');
  });

  it('are two groups with one number or name, a channel in two groups, a missing file', () => {
    const group = (number: number, name: string, file: string) =>
      `[[channelGroups]]\nnumber = ${number}\nname = "${name}"\nfile = "${file}"\n`;
    const files = { 'a.txt': '/one\n/two\n', 'b.txt': '# comment\n/two\n' };
    const toml = group(1, 'a', 'a.txt') + group(1, 'b', 'b.txt') + group(3, 'a', 'c.txt');
    const message = faultsOf(toml, {}, files);
    expect(message).toContain('line 6: channelGroups[1].number is 1, as in channelGroups[0]');
    expect(message).toContain('lists channels a second time: /two (already in a)');
    expect(message).toContain('line 11: channelGroups[2].name is a, as in channelGroups[0]');
    expect(message).toMatch(/line 12: channelGroups\[2\]\.file names .*c\.txt, .*ENOENT/);
  });

  it('are two sensors with one URL and stream', () => {
    const sensor = (name: string, url: string) => `[[sensors]]\nname = "${name}"\nurl = "${url}"\n`;
    const message = faultsOf(sensor('a', 'ws://s:5050') + sensor('b', 'ws://s:5050/'));
    expect(message).toContain('line 6: sensors[1].url and stream are those of a');
  });

  it('are a configuration that was named and is not there', () => {
    expect(() => loadConfiguration({ file: 'none.toml', folder: folderWith() })).toThrow(
      'none.toml: there is no such file',
    );
  });
});

it('warns of a wrong check digit and takes the ship all the same', () => {
  const configuration = load('[fleet]\nships = ["IMO9976904", "yacht"]');
  expect(configuration.fleet.ships).toEqual(['IMO9976904', 'yacht']);
  expect(configuration.warnings).toEqual([
    'IMO9976904 has the check digit 4, expected 3: is it IMO9976903?',
  ]);
});

describe('every fault at once', () => {
  it('names a ship that is there twice beside one that is empty', () => {
    const message = faultsOf('[fleet]\nships = ["IMO9976903", "", "imo9976903", "IMO9976903"]');
    expect(message).toContain('3 faults');
    expect(message).toContain('fleet.ships[1] is an empty ship id');
    expect(message).toContain('fleet.ships[2] has IMO9976903 and imo9976903');
    expect(message).toContain('fleet.ships[3] names IMO9976903 a second time');
  });

  it('names a file that is not there beside a name that is taken', () => {
    const group = '[[channelGroups]]\nnumber = 1\nname = "other"\nfile = "none.txt"';
    const message = faultsOf(group);
    expect(message).toContain('line 3: channelGroups[0].name is no name');
    expect(message).toContain('line 4: channelGroups[0].file names');
  });

  it('names a variable of the environment that is misspelled, and leaves strangers alone', () => {
    const environment = { FAIRLEAD_SOUCE_URL: 'x', FAIRLEAD_SOMETHING_ELSE: 'y' };
    const message = faultsOf('[migration]\nwindow = 0', environment);
    expect(message).toContain('2 faults');
    expect(message).toContain(
      'FAIRLEAD_SOUCE_URL is an unknown variable of the environment; did you mean FAIRLEAD_SOURCE_URL?',
    );
  });
});

describe('both databases or neither', () => {
  it('are required by what works on both', () => {
    const url = 'postgresql://me@db.example/tenant_builder';
    const withEnvironment = (environment: Record<string, string>) =>
      loadConfiguration({ folder: folderWith(), environment });
    expect(() => requireBothOrNeither(withEnvironment({}))).not.toThrow();
    expect(() => requireBothOrNeither(withEnvironment({ FAIRLEAD_SOURCE_URL: url }))).toThrow(
      '[target] url is not set',
    );
    expect(() => requireBothOrNeither(withEnvironment({ FAIRLEAD_TARGET_URL: url }))).toThrow(
      '[source] url is not set',
    );
  });
});
