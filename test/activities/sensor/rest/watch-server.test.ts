import { existsSync } from 'node:fs';
import { noopMetricMeter } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import type { TcpState } from '../../../../activities/sensor/host-sockets.ts';
import { watchServer } from '../../../../activities/sensor/rest/watch-server.ts';
import { createSensorMetrics, recordTo } from '../../../../activities/sensor/sensor-metrics.ts';
import { LastHour } from '../../../../domain/last-hour.ts';
import { startSimulator } from '../../../../simulator/start-simulator.ts';
import { reported } from '../../../reported.ts';

function watched() {
  const { lines, report, waitFor } = reported();
  const write = (level: string) => (message: string, fields?: object) =>
    report(`${level} ${message} ${JSON.stringify(fields)}`);
  const hour = new LastHour();
  const sockets = new Map<string, Record<TcpState, number>>();
  const metrics = {
    ...recordTo(createSensorMetrics(noopMetricMeter), hour),
    hostSockets: (server: string, counts: Record<TcpState, number>) => {
      sockets.set(server, counts);
      report(`sockets ${server}`);
    },
  };
  const log = { info: write('info'), warn: write('warn'), error: write('error') };
  return { lines, waitFor, hour, sockets, watch: { sensor: 'pier-3', metrics, log } };
}

const oftener = { healthEveryMs: 20, socketsEveryMs: 20 };

describe('the watch of a sensor server', () => {
  it('says once that a server does not answer any more, and once that it does', async () => {
    await using simulator = await startSimulator({ hertz: 1 });
    const { lines, waitFor, hour, watch } = watched();
    const { output: stream, rest } = simulator.urls;
    await using _ = watchServer({ ...watch, ...oftener, stream, rest });
    await simulator.waitFor((counts) => counts.rest.requests >= 3);
    expect(lines.filter((line) => !line.startsWith('sockets'))).toEqual([]);
    await simulator.faults.set('rest', { kind: 'prose' });
    await waitFor(/^warn sensor server was found unwell .*prose instead of JSON/);
    await simulator.faults.clear();
    await waitFor(/^info sensor server became well/);
    const said = lines.filter((line) => !line.startsWith('sockets'));
    expect(said).toHaveLength(2);
    expect(said[0]).toContain('"sensor":"pier-3"');
    expect(hour.summary().rest?.calls).toBeGreaterThanOrEqual(3);
  });

  it.skipIf(!existsSync('/proc/net/tcp'))(
    'counts the sockets towards both of its ports, and ends with what is under way',
    async () => {
      await using simulator = await startSimulator({ hertz: 1 });
      await simulator.faults.set('rest', { kind: 'hang' });
      const { sockets, watch } = watched();
      const { output: stream, rest } = simulator.urls;
      const [streamName, restName] = [new URL(stream).host, new URL(rest).host];
      {
        await using _ = watchServer({ ...watch, ...oftener, stream, rest });
        await simulator.waitFor((counts) => counts.rest.now === 1);
        await expect.poll(() => sockets.get(restName)?.ESTABLISHED, { timeout: 20_000 }).toBe(1);
        expect(sockets.get(streamName)?.ESTABLISHED).toBe(0);
      }
      await simulator.waitFor((counts) => counts.rest.now === 0);
    },
  );

  it('without a REST address, or with a certificate that is not there, counts sockets only', async () => {
    await using simulator = await startSimulator({ hertz: 1 });
    const { lines, waitFor, watch } = watched();
    const { output: stream, rest } = simulator.urls;
    await using _ = watchServer({ ...watch, ...oftener, stream });
    await using __ = watchServer({ ...watch, ...oftener, stream, rest, ca: '/no/such.pem' });
    await waitFor(/^error sensor server is not asked for its health .*no\/such.pem/);
    if (existsSync('/proc/net/tcp')) await waitFor(/^sockets/);
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([]);
    expect(simulator.counts().rest.requests).toBe(0);
  });
});
