import { Runtime, type LogMetadata } from '@temporalio/worker';
import { pino, type Logger } from 'pino';
import { migrationHistogramBuckets } from '../activities/migration-metrics.ts';
import { sensorHistogramBuckets } from '../activities/sensor/sensor-metrics.ts';
import { logSubject } from './log-subject.ts';

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
  const write = (level: LogMethod, message: string, fields: LogMetadata = {}) =>
    log[level]({ ...logSubject(fields), ...fields }, message);
  Runtime.install({
    logger: {
      log: (level, message, fields) => write(methodOf(level), message, fields),
      trace: (message, fields) => write('trace', message, fields),
      debug: (message, fields) => write('debug', message, fields),
      info: (message, fields) => write('info', message, fields),
      warn: (message, fields) => write(ON_PURPOSE.has(message) ? 'debug' : 'warn', message, fields),
      error: (message, fields) => write('error', message, fields),
    },
    telemetryOptions: { ...(metrics && { metrics }) },
  });
}

/** What the SDK warns of, and is so here: the worker of chunks runs no workflows. */
const ON_PURPOSE = new Set(['No workflows registered, not polling for workflow tasks']);

type LogMethod = 'trace' | 'debug' | 'info' | 'warn' | 'error';

const methodOf = (level: string): LogMethod => level.toLowerCase() as LogMethod;
