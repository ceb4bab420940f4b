// All by the command line, against a sensor server of its own that speaks TLS and wants a certificate of its clients.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasOpenssl } from '../activities/postgres/tls-server.ts';
import { makeAuthority, type CertificateAuthority } from '../certificates.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { commandWorld, type CommandWorld } from './command-world.ts';

interface Urls {
  output: string;
  rest: string;
}

describe.runIf(hasOpenssl()).sequential('a sensor server that wants certificates', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let authority: CertificateAuthority;
  let stranger: CertificateAuthority;
  let world: CommandWorld;
  let urls: Urls;
  let stop: () => Promise<unknown>;
  let own: { cert: string; key: string };

  beforeAll(async () => {
    folder = await temporaryFolder();
    authority = makeAuthority(folder.path, 'authority');
    stranger = makeAuthority(folder.path, 'stranger');
    own = authority.issue('client', 'DNS:client');
    world = await commandWorld();
    const { cert, key } = authority.issue('sensor', 'IP:127.0.0.1');
    const words = ['--ports', '0,0,0', '--tls-cert', cert, '--tls-key', key];
    const server = world.start(
      'simulate',
      'sensr',
      ...words,
      '--client-ca',
      authority.file,
      '--json',
    );
    const [line] = (await once(server.child.stdout, 'data')) as [string];
    urls = JSON.parse(line) as Urls;
    stop = () => {
      server.child.kill('SIGTERM');
      return server.outcome;
    };
  });
  afterAll(async () => {
    await stop();
    await world[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  /** Until the stream is open, or the first attempt has failed. */
  async function hold(...words: string[]) {
    const holding = world.start('sensor', 'hold', ...words, '--json');
    const events: { event: string; reason?: string }[] = [];
    for await (const chunk of holding.child.stdout) {
      const lines = (chunk as string).trim().split('\n');
      events.push(...lines.map((line) => JSON.parse(line) as (typeof events)[number]));
      if (events.some(({ event }) => event === 'open' || event === 'retry-in')) break;
    }
    holding.child.kill('SIGTERM');
    return events;
  }

  it('is held and asked with a certificate that its authority signed', async () => {
    expect(urls.output).toMatch(/^wss:/);
    const files = ['--ca', authority.file, '--cert', own.cert, '--key', own.key];
    expect(await hold('--url', urls.output, ...files)).toContainEqual(
      expect.objectContaining({ event: 'open' }),
    );
    const health = await world.fairlead('sensr', 'health', '--base', urls.rest, ...files);
    expect(health.exitCode).toBe(0);
  });

  it('is held and asked as the configuration says', async () => {
    const file = join(world.folder, 'secure.toml');
    const keys = { url: urls.output, rest: urls.rest, ca: authority.file, ...own };
    const lines = Object.entries(keys).map(([key, value]) => `${key} = "${value}"`);
    await writeFile(file, `[[sensors]]\nname = "pier-3"\n${lines.join('\n')}\n`);
    const config = ['--config', file];
    expect(await hold('pier-3', ...config)).toContainEqual(
      expect.objectContaining({ event: 'open' }),
    );
    const health = await world.fairlead('sensr', 'health', '--sensor', 'pier-3', ...config);
    expect(health.exitCode).toBe(0);
  });

  it.each([
    [
      'no certificate of the client',
      () => ['--ca', authority.file],
      'wants a certificate of this client, and got none',
      '--cert and --key',
    ],
    [
      'another authority',
      () => ['--ca', stranger.file, '--cert', own.cert, '--key', own.key],
      'is signed by no authority that is trusted here',
      '--ca',
    ],
  ])('is told in words with %s', async (_, files, sentence, advice) => {
    const events = await hold('--url', urls.output, ...files());
    const { reason } = events.find(({ event }) => event === 'retry-in')!;
    expect(reason).toContain(sentence);
    expect(reason).toContain(advice);
    const { exitCode, stderr } = await world.fairlead(
      'sensr',
      'health',
      '--base',
      urls.rest,
      ...files(),
    );
    expect(exitCode).toBe(3);
    expect(stderr).toContain(sentence);
    expect(stderr).toContain(advice);
  });

  it('is not dialled with files that are of no use', async () => {
    const { key } = authority.issue('another', 'DNS:another');
    const pair = ['--cert', own.cert, '--key', key];
    for (const [files, fault] of [
      [['--ca', '/no/such/ca.pem'], '--ca names /no/such/ca.pem, which cannot be read (ENOENT)'],
      [['--cert', own.cert], '--key is missing, and there is a cert'],
      [pair, `--key names ${key}, which is not the key of ${own.cert}`],
    ] as const) {
      const { exitCode, stderr } = await world.fairlead(
        'sensor',
        'hold',
        '--url',
        urls.output,
        ...files,
      );
      expect(exitCode).toBe(2);
      expect(stderr).toContain(fault);
    }
    const file = join(world.folder, 'absent.toml');
    const sensor = `[[sensors]]\nname = "pier-3"\nurl = "${urls.output}"\nca = "no.pem"\ncert = "${own.cert}"\n`;
    await writeFile(file, sensor);
    const { exitCode, stderr } = await world.fairlead('sensor', 'list', '--config', file);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/sensors\[0\]\.ca names .*no\.pem, which cannot be read \(ENOENT\)/);
    expect(stderr).toContain('sensors[0].key is missing, and there is a cert');
  });
});
