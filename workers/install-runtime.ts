import { Runtime } from '@temporalio/worker';
import { pino, type Logger } from 'pino';
import { migrationHistogramBuckets } from '../activities/migration-metrics.ts';
import { sensorHistogramBuckets } from '../activities/sensor/sensor-metrics.ts';

/** The log of a process: JSON lines on stderr, where the output of a command does not go. */
export function createLog(level = 'info'): Logger {
  return pino({ level, base: null }, pino.destination({ dest: 2, sync: true }));
}

/**
 * Installs the SDK's runtime: its log goes through ours, its metrics to Prometheus. Once per process, before
 * any connection.
 *
 * @param metricsAddress `host:port`; no metrics without it
 */
export function installRuntime(log: Logger, metricsAddress?: string): void {
  const metrics = metricsAddress && {
    prometheus: {
      bindAddress: metricsAddress,
      histogramBucketOverrides: { ...sensorHistogramBuckets, ...migrationHistogramBuckets },
    },
  };
  Runtime.install({
    logger: {
      log: (level, message, fields) => log[methodOf(level)](fields ?? {}, message),
      trace: (message, fields) => log.trace(fields ?? {}, message),
      debug: (message, fields) => log.debug(fields ?? {}, message),
      info: (message, fields) => log.info(fields ?? {}, message),
      warn: (message, fields) => log.warn(fields ?? {}, message),
      error: (message, fields) => log.error(fields ?? {}, message),
    },
    telemetryOptions: { ...(metrics && { metrics }) },
  });
}

const methodOf = (level: string): 'trace' | 'debug' | 'info' | 'warn' | 'error' =>
  level.toLowerCase() as 'info';
