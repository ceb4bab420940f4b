import { FairleadError } from '../../domain/errors.ts';

/** The server does not answer, whatever connection it is asked on. */
export class DeadPathError extends FairleadError {
  constructor(message: string, code: 'connection-lost' | 'commit-unknown' = 'connection-lost') {
    super(code, message, { hint: 'It is tried again on a new connection.' });
  }
}

/** Whether an attempt was ended because its server cannot be reached: then nothing more is sent there. */
export const isDeadPath = (reason: unknown): boolean =>
  reason instanceof DeadPathError ||
  (reason instanceof FairleadError && (reason.cause as { code?: unknown })?.code === 'ETIMEDOUT');
