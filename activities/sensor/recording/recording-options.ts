/** Where and how a stream is recorded. */
export interface RecordingOptions {
  folder: string;
  /** A segment is finished at this age. */
  rotateEveryMs: number;
  /** A segment is finished at this size. */
  rotateBytes: number;
  /**
   * All segments of one sensor's stream together: the oldest are deleted, never the one that is being written.
   * Default: 10 GB, or a tenth of what is free where that is less.
   */
  keepBytes?: number;
}
