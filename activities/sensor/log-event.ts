import type { SensorEvent } from '../../domain/sensor.ts';
import type { SensorLog } from './sensor-log.ts';

/** Logs what happened to a stream: `info` for how it should be, `warn` for what is tried again or lost. */
export function logEvent(log: SensorLog, { event, ...fields }: SensorEvent): void {
  switch (event) {
    case 'connecting':
      return log.info('connection dialed', fields);
    case 'open':
      return log.info('connection opened', fields);
    case 'dead-peer':
      return log.warn('peer found dead, connection reset', fields);
    case 'silent':
      return log.warn('stream fell silent', fields);
    case 'resumed':
      return log.info('messages came again', fields);
    case 'closed':
      return log.warn('connection ended', fields);
    case 'retry-in':
      return log.warn('connection awaited', fields);
    case 'gap':
      return log.warn('gap ended', fields);
    case 'segment':
    case 'dropped':
      return; // The recorder tells these itself.
    case 'stopped':
      return log.info('stream stopped', fields);
    default:
      return event satisfies never;
  }
}
