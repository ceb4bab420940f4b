import { z } from 'zod';
import { garbageKinds, restFaultKinds, type FaultName, type FaultOptions } from './faults.ts';

const stream = z.enum(['output', 'points']).exactOptional();
const flag = z.boolean().exactOptional();
const milliseconds = z.int().min(0).max(3_600_000).exactOptional();
const count = z.int().min(1).exactOptional();

/** RFC 6455: 1000 to 4999; 1006 stands for the end without a close frame. */
const closeCode = z.int().min(1_000).max(4_999).exactOptional();
/** A close frame has room for no more. */
const MOST_REASON_BYTES = 123;
const closeReason = z
  .string()
  .refine((text) => Buffer.byteLength(text) <= MOST_REASON_BYTES, 'a reason has 123 bytes at most')
  .exactOptional();

/** What each fault takes from a command line or from another process. */
export const faultSchemas = {
  silent: z.strictObject({ stream }),
  mute: z.strictObject({ stream }),
  stall: z.strictObject({ stream }),
  refuse: z.strictObject({ stream }),
  close: z.strictObject({
    stream,
    code: closeCode,
    reason: closeReason,
    keep: flag,
    afterMs: milliseconds,
  }),
  reset: z.strictObject({ stream, keep: flag, at: z.enum(['open', 'accept']).exactOptional() }),
  trickle: z.strictObject({ stream, everyMs: milliseconds }),
  slow: z.strictObject({ stream, everyMs: milliseconds }),
  late: z.strictObject({ stream, delayMs: milliseconds }),
  garbage: z.strictObject({ stream, kind: z.enum(garbageKinds).exactOptional(), every: count }),
  health: z.strictObject({ master: z.int().exactOptional() }),
  rest: z.strictObject({
    kind: z.enum(restFaultKinds).exactOptional(),
    status: z.int().min(200).max(599).exactOptional(),
    times: count,
    method: z.string().exactOptional(),
    path: z.string().exactOptional(),
    delayMs: milliseconds,
  }),
} as const satisfies { [N in FaultName]: z.ZodType<FaultOptions[N]> };

/** @throws {RangeError} with every fault of the options */
export function checkedOptions<N extends FaultName>(name: N, options: unknown): FaultOptions[N] {
  const result = faultSchemas[name].safeParse(options);
  if (result.success) return result.data as FaultOptions[N];
  const faults = result.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
  throw new RangeError(`${name}: ${faults.join('; ').trim()}`);
}
