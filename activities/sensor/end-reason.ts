import type { EndReason } from '../../domain/sensor.ts';
import { isOverflow } from './server-health.ts';

/** No close frame came. */
export const NO_CLOSE_FRAME = 1006;
const SERVER_ERROR = 1011;

/** What is known when an open connection has ended. */
export interface Ending {
  /** What we ended it for, if it was us. */
  cause: 'stopped' | 'dead-peer' | undefined;
  /** What came that no WebSocket may send. */
  violation: Error | undefined;
  code: number;
  /** The server's words in its close frame. */
  words: string;
  /** SystemHealth's `master`, as the server told it last. */
  health: number | undefined;
  quietSeconds: number;
}

/** Why an open connection ended, also in words. */
export function endReasonOf(ending: Ending): { reason: EndReason; detail: string } {
  const { cause, violation, code, health, quietSeconds } = ending;
  const byServer = endInWords(ending);
  if (cause === 'dead-peer') {
    const detail = `the server did not answer a ping in time, and was quiet for ${quietSeconds.toFixed(1)} s`;
    return { reason: 'dead-peer', detail };
  }
  if (cause === 'stopped') return { reason: 'stopped', detail: stopInWords(code) };
  if (violation) {
    return { reason: 'protocol-error', detail: `closed by us: ${violation.message}` };
  }
  if (isOverflow(health)) {
    const detail = `${byServer}; its health had told OUTPUT_BUFFER_OVERFLOW: this consumer was too slow`;
    return { reason: 'thrown-out', detail };
  }
  if (code === SERVER_ERROR) return { reason: 'thrown-out', detail: byServer };
  return { reason: code === NO_CLOSE_FRAME ? 'lost' : 'closed', detail: byServer };
}

const stopInWords = (code: number): string =>
  code === NO_CLOSE_FRAME ? 'closed by us; the server did not answer that' : 'closed by us';

function endInWords({ code, words }: Ending): string {
  if (code === NO_CLOSE_FRAME) return 'ended without a close frame';
  return `closed by the server with code ${code}, ${words ? `"${words}"` : 'without a reason'}`;
}
