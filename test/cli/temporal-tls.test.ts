// A proxy that ends TLS stands before the Temporal server that all tests share, as a load balancer would.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { createServer, type TlsOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { hasOpenssl } from '../activities/postgres/tls-server.ts';
import { makeAuthority, type CertificateAuthority } from '../certificates.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { commandWorld, type Document } from './command-world.ts';

const SHIP = 'IMO9976903';

async function tlsProxy(options: TlsOptions): Promise<{ address: string } & AsyncDisposable> {
  const [host, port] = inject('temporalAddress').split(':');
  const sockets = new Set<Socket>();
  const server = createServer({ ...options, ALPNProtocols: ['h2'] }, (near) => {
    const far = connect(Number(port), host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    near.pipe(far).pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

describe.runIf(hasOpenssl())('Temporal behind TLS', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let authority: CertificateAuthority;
  let stranger: CertificateAuthority;
  beforeAll(async () => {
    folder = await temporaryFolder();
    authority = makeAuthority(folder.path, 'authority');
    stranger = makeAuthority(folder.path, 'stranger');
  });
  afterAll(() => folder[Symbol.asyncDispose]());

  const proxy = (names = 'IP:127.0.0.1', days = 2, more: TlsOptions = {}) => {
    const { cert, key } = authority.issue('temporal', names, { days });
    return tlsProxy({ cert: readFileSync(cert), key: readFileSync(key), ...more });
  };
  const mutual = (): TlsOptions => ({
    requestCert: true,
    rejectUnauthorized: true,
    ca: readFileSync(authority.file),
  });
  const trusting = ({ file } = authority) => ({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: file });
  const client = (names?: string) => {
    const { cert, key } = authority.issue('client', names);
    return { TEMPORAL_TLS_CLIENT_CERT_PATH: cert, TEMPORAL_TLS_CLIENT_KEY_PATH: key };
  };

  it('is where commands and workers do their work, with certificates on both sides', async () => {
    await using server = await proxy('IP:127.0.0.1', 2, mutual());
    const environment = { TEMPORAL_ADDRESS: server.address, ...trusting(), ...client('DNS:us') };
    await using world = await commandWorld({ environment });
    await world.database.query(
      `insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, double_v)
       select $1, '/a/1', timestamp '2025-06-15' + n * interval '15 s', 'Decimal', n from generate_series(0, 479) n`,
      [SHIP],
    );
    await using _worker = await world.startWorker();
    const range = ['--from', '2025-06-15', '--to', '2025-06-15T02:00'];
    expect((await world.fairlead('migrate', SHIP, ...range)).exitCode).toBe(0);
    const { stdout } = await world.fairlead('preflight', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      checks: expect.arrayContaining([
        expect.objectContaining({ name: 'Temporal encryption', verdict: 'good', found: 'TLS' }),
        expect.objectContaining({ name: 'workers', verdict: 'good' }),
      ]),
    });
  }, 120_000);

  /** A command and a worker end with 3, and say the same: no waiting would make the certificate right. */
  async function expectRefused(
    environment: Record<string, string>,
    message: RegExp,
    hint: string,
  ): Promise<void> {
    await using world = await commandWorld({ environment });
    const [command, worker] = await Promise.all([
      world.fairlead('migrate', SHIP, '--json'),
      world.fairlead('worker', '--json'),
    ]);
    for (const { exitCode, stdout } of [command, worker]) {
      const { error } = JSON.parse(stdout.trim().split('\n').at(-1)!) as Document;
      expect(error).toMatchObject({
        code: 'tls-failed',
        message: expect.stringMatching(message),
        hint: expect.stringContaining(hint),
      });
      expect(exitCode).toBe(3);
    }
  }

  it.each([
    [
      'another authority',
      () => proxy(),
      () => trusting(stranger),
      /^the certificate of the Temporal server at 127\.0\.0\.1:\d+ is signed by no authority that is trusted here \(/,
      'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
    ],
    [
      'an expired certificate',
      () => proxy('IP:127.0.0.1', -1),
      () => trusting(),
      /has expired \(CERT_HAS_EXPIRED\)$/,
      'renew the certificate of the server',
    ],
    [
      'a certificate for another name',
      () => proxy('DNS:temporal.example'),
      () => trusting(),
      /is not for this name, but for DNS:temporal\.example/,
      'TEMPORAL_TLS_SERVER_NAME',
    ],
    [
      'no certificate of the client',
      () => proxy('IP:127.0.0.1', 2, mutual()),
      () => trusting(),
      /wants a certificate of this client, and got none/,
      'TEMPORAL_TLS_CLIENT_CERT_PATH',
    ],
    [
      'a client that asks for no TLS',
      () => proxy(),
      () => ({}),
      /speaks TLS, and no TEMPORAL_TLS… variable asks for it$/,
      'TEMPORAL_TLS=true',
    ],
  ])('is refused in words with %s', async (_, start, environment, message, hint) => {
    await using server = await start();
    const variables = { TEMPORAL_ADDRESS: server.address, ...environment() };
    await expectRefused(variables, message, hint);
  });

  it('is refused in words by a worker whose certificate is of version 1', async () => {
    await using server = await proxy('IP:127.0.0.1', 2, mutual());
    const environment = { TEMPORAL_ADDRESS: server.address, ...trusting(), ...client() };
    await using world = await commandWorld({ environment });
    const { exitCode, stderr } = await world.fairlead('worker');
    expect(stderr).toContain('or that of this client, though commands do (Other)');
    expect(stderr).toContain('X.509 version 3');
    expect(exitCode).toBe(3);
  });

  it('is said to speak none where it speaks none', async () => {
    const variables = { TEMPORAL_ADDRESS: inject('temporalAddress'), TEMPORAL_TLS: 'true' };
    await expectRefused(
      variables,
      /^the Temporal server at \S+ speaks no TLS \(ERR_SSL_WRONG_VERSION_NUMBER\)$/,
      'TEMPORAL_TLS=false',
    );
  });

  it.each([
    [
      'a file that is not there',
      { TEMPORAL_TLS_SERVER_CA_CERT_PATH: '/no/such/ca.pem' },
      '/no/such/ca.pem',
    ],
    [
      'half a pair',
      { TEMPORAL_TLS_CLIENT_CERT_DATA: 'x' },
      "one of the client's certificate and its key",
    ],
  ])('is wrong configuration with %s', async (_, environment, message) => {
    const variables = { TEMPORAL_ADDRESS: '127.0.0.1:1', ...environment };
    await using world = await commandWorld({ environment: variables });
    const { exitCode, json } = await world.fairlead('migrate', SHIP, '--json');
    expect(exitCode).toBe(2);
    expect(json().error).toMatchObject({ code: 'config-invalid' });
    expect(json().error.message).toContain(message);
  });
});
