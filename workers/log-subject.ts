import { rangeTitle } from '../domain/migration-progress.ts';
import { subjectOfWorkflow } from '../domain/names.ts';

/** What a line of the SDK or of a workflow is about, so that one search finds all lines of it. */
export interface LogSubject {
  ship?: string;
  sensor?: string;
  /** As `status`, the UI and messages spell it: `2025-06-15 02:00 → 04:00`. */
  chunk?: string;
}

const INSTANT = String.raw`\d{4}-\d\d-\d\dT\S+Z`;
const OF_CHUNK = new RegExp(`^(?:copy|split|fail) (${INSTANT}) (${INSTANT})$`);
const TITLE = /^\d{4}-\d\d-\d\d \d\d:\d\d\S* → (?:\d{4}-\d\d-\d\d )?\d\d:\d\d\S*/;

/** @param fields of a line, as the SDK gives them */
export function logSubject(fields: Record<string, unknown>): LogSubject {
  const { workflowId } = fields;
  if (typeof workflowId !== 'string') return {};
  const chunk = chunkOf(fields);
  return { ...subjectOfWorkflow(workflowId), ...(chunk !== undefined && { chunk }) };
}

function chunkOf({ activityId, from, to, subject }: Record<string, unknown>): string | undefined {
  const [, begin = from, end = to] = OF_CHUNK.exec(textOf(activityId)) ?? [];
  if (typeof begin === 'string' && typeof end === 'string')
    return rangeTitle({ from: begin, to: end });
  return TITLE.exec(textOf(subject))?.[0];
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
