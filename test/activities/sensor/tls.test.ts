import { describe, expect, it, vi } from 'vitest';
import { startSimulator } from '../../../simulator/start-simulator.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { makeCertificate } from './certificates.ts';
import { holdLab } from './hold-lab.ts';

describe('wss', () => {
  it('trusts the authority that was named, finds a dead peer, and resets it', async () => {
    await using folder = await temporaryFolder();
    const certificate = makeCertificate(folder.path, 'IP:127.0.0.1');
    await using simulator = await startSimulator({ tls: certificate });
    const url = simulator.urls.output;
    expect(url).toMatch(/^wss:/);
    await using lab = await holdLab({ url, ca: certificate.file });
    const dead = lab.connect();
    await vi.waitFor(() => expect(lab.holder.status.messages).toBeGreaterThan(0), 10_000);
    await simulator.faults.set('mute');
    const { reason, localPort } = await dead;
    expect(reason).toBe('dead-peer');
    await simulator.waitFor(({ output }) => output.now === 0);
    expect(simulator.counts().output.connections[0]).toMatchObject({ end: 'reset' });
    await simulator.faults.clear();
    const stopped = lab.connect(1);
    await lab.waitFor('open', ({ attempt }) => attempt === 1);
    lab.stop();
    expect(await stopped).toMatchObject({ reason: 'stopped', code: 1000, localPort });
  });

  it('says in words what is wrong with a certificate', async () => {
    await using folder = await temporaryFolder();
    const certificate = makeCertificate(folder.path, 'DNS:elsewhere.example');
    await using simulator = await startSimulator({ tls: certificate });
    const url = simulator.urls.output;
    await using strange = await holdLab({ url });
    expect(await strange.connect()).toMatchObject({
      reason: 'not-opened',
      detail: expect.stringMatching(/signed by no authority that is trusted here.*--ca/) as string,
    });
    await using other = await holdLab({ url, ca: certificate.file });
    expect((await other.connect()).detail).toMatch(
      /is not for this name, but for DNS:elsewhere\.example/,
    );
  });

  it('says when only one side speaks TLS', async () => {
    await using folder = await temporaryFolder();
    const certificate = makeCertificate(folder.path, 'IP:127.0.0.1');
    await using secret = await startSimulator({ tls: certificate });
    await using open = await startSimulator();
    const mistaken = [
      open.urls.rest.replace('http:', 'wss:'),
      open.urls.output.replace('ws:', 'wss:'),
      secret.urls.output.replace('wss:', 'ws:'),
    ];
    const details = mistaken.map(async (url) => {
      await using lab = await holdLab({ url });
      return (await lab.connect()).detail;
    });
    expect(await Promise.all(details)).toEqual([
      expect.stringMatching(/speaks no TLS \(ERR_SSL_WRONG_VERSION_NUMBER\): is its URL ws:/),
      expect.stringMatching(/no TLS handshake \(is its URL ws:/),
      expect.stringMatching(/before it was a WebSocket|no HTTP/),
    ]);
  });
});
