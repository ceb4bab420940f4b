import type { Names } from '../domain/names.ts';
import type { TemporalClient } from '../workers/temporal-client.ts';

const ANSWER_TIMEOUT_MS = 3_000;
/** A worker asks for work again at least so often; the server knows for five minutes who did. */
const POLL_LASTS_MS = 70_000;

/** Who polls and gives no answer for longer does not work, whatever the reason. */
export const BUSY_PATIENCE_MS = 75_000;

/** Whether a worker of the queue asked for work of late: then one that does not answer may be busy, or just ended. */
export async function polledOfLate(
  { connection, location: { namespace } }: TemporalClient,
  taskQueue: string,
): Promise<boolean> {
  try {
    const describe = () =>
      connection.workflowService.describeTaskQueue({ namespace, taskQueue: { name: taskQueue } });
    const { pollers } = await connection.withDeadline(Date.now() + ANSWER_TIMEOUT_MS, describe);
    const since = (Date.now() - POLL_LASTS_MS) / 1_000;
    return pollers.some(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) > since);
  } catch {
    return false;
  }
}

export const busySentence = ({ taskQueue }: Names): string =>
  `no worker answers on the queue ${taskQueue}, though one asked for work a moment ago: it is busy, has just ended, or its version is not current, as its log says`;
