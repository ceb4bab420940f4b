import { Runtime } from '@temporalio/worker';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { countByState } from '../../../activities/sensor/host-sockets.ts';
import {
  createSensorMetrics,
  recordTo,
  sensorHistogramBuckets,
} from '../../../activities/sensor/sensor-metrics.ts';
import { LastHour } from '../../../domain/last-hour.ts';
import { installRuntime } from '../../../workers/install-runtime.ts';
import { choosePort } from '../../../workers/stack/choose-port.ts';

describe('the metrics of a sensor', () => {
  it('are on the endpoint of the SDK, in buckets that tell pings apart, and in the last hour', async () => {
    const port = await choosePort({ wanted: undefined, usual: 0, for: 'the metrics' });
    installRuntime(pino({ level: 'silent' }), `127.0.0.1:${port}`);
    onTestFinished(() => Runtime.instance().shutdown());
    const hour = new LastHour();
    const metrics = recordTo(createSensorMetrics(Runtime.instance().metricMeter), hour);
    const labels = { sensor: 'pier-3', stream: 'output' } as const;
    metrics.held(labels);
    metrics.recording(labels, true);
    metrics.diskRoom(labels, { freeBytes: 5_000, reserveBytes: 1_000.4 });
    const atFirst = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    for (const line of [
      'fairlead_sensor_held{sensor="pier-3",stream="output"} 1',
      'fairlead_sensor_recording{sensor="pier-3",stream="output"} 1',
      'fairlead_recording_free_bytes{sensor="pier-3",stream="output"} 5000',
      'fairlead_recording_reserve_bytes{sensor="pier-3",stream="output"} 1000',
      'fairlead_sensor_connected{sensor="pier-3",stream="output"} 0',
      'fairlead_sensor_dropped_messages{sensor="pier-3",stream="output"} 0',
      'fairlead_sensor_connections_ended{reason="dead-peer",sensor="pier-3",stream="output"} 0',
    ])
      expect(atFirst).toContain(`${line}\n`);
    metrics.connectionOpened(labels);
    metrics.pinged(labels, 1.5);
    metrics.received(labels, { messages: 3, bytes: 5_000 });
    metrics.dropped(labels, { messages: 1, bytes: 9 });
    metrics.queued(labels, 77);
    metrics.connectionEnded(labels, { reason: 'dead-peer', connectedSeconds: 90.5 });
    metrics.gap(labels, 12.5);
    metrics.left(labels);
    metrics.rest({ server: 'a:9080', method: 'GET', status: 503, seconds: 0.03 });
    metrics.hostSockets('a:9080', { ...countByState([]), TIME_WAIT: 4 });
    const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const of = 'sensor="pier-3",stream="output"';
    for (const line of [
      `fairlead_sensor_held{${of}} 0`,
      `fairlead_sensor_recording{${of}} 0`,
      `fairlead_sensor_connects{${of}} 1`,
      `fairlead_sensor_connected{${of}} 0`,
      `fairlead_sensor_connections_ended{reason="dead-peer",${of}} 1`,
      `fairlead_sensor_connected_seconds_sum{${of}} 90.5`,
      `fairlead_sensor_ping_milliseconds_bucket{${of},le="1"} 0`,
      `fairlead_sensor_ping_milliseconds_bucket{${of},le="2"} 1`,
      `fairlead_sensor_messages{${of}} 3`,
      `fairlead_sensor_bytes{${of}} 5000`,
      `fairlead_sensor_dropped_messages{${of}} 1`,
      `fairlead_sensor_dropped_bytes{${of}} 9`,
      `fairlead_sensor_queued_bytes{${of}} 77`,
      `fairlead_sensor_gap_seconds_sum{${of}} 12.5`,
      'fairlead_sensr_requests{method="GET",server="a:9080",status="503"} 1',
      'fairlead_sensr_request_seconds_bucket{method="GET",server="a:9080",le="0.05"} 1',
      'fairlead_host_sockets{server="a:9080",state="TIME_WAIT"} 4',
      'fairlead_host_sockets{server="a:9080",state="CLOSE_WAIT"} 0',
    ]) {
      expect(page).toContain(`${line}\n`);
    }
    for (const name of Object.keys(sensorHistogramBuckets))
      expect(page).toContain(`${name}_bucket`);
    expect(hour.summary()).toMatchObject({
      connects: 1,
      ended: { 'dead-peer': 1 },
      messages: 3,
      gapSeconds: 12.5,
      rest: { calls: 1, errors: 1 },
    });
  });
});
