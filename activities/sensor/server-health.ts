/** SystemHealth's `master`, by its number; servers may know others. */
const names = [
  'NONE',
  'OK',
  'STORAGE_SHORTAGE',
  'SLOWDOWN',
  'INTERNAL_ERROR',
  'OUTPUT_BUFFER_OVERFLOW',
] as const;

export const nameOfHealth = (master: number): string => names[master] ?? `number ${master}`;

export const isWell = (master: number): boolean => nameOfHealth(master) === 'OK';

/** The server's buffer for a consumer is full: it is about to throw it out. */
export const isOverflow = (master: number | undefined): boolean =>
  master === names.indexOf('OUTPUT_BUFFER_OVERFLOW');
