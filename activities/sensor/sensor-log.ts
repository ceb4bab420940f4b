/** What both Temporal's and pino's log can be put behind: a constant phrase in the past tense, and what varies. */
export interface SensorLog {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}
