import { setTimeout as sleep } from 'node:timers/promises';
import { describeExit } from './server-process.ts';
import type { ServerProcess } from './server-process.ts';

const READY_LIMIT_MS = 60_000;
const ASK_LIMIT_MS = 2_000;
const POLL_MS = 30;

/**
 * Waits until the server answers for its namespace through the UI's port; the gRPC port opens before that. While
 * it waits the process must live: otherwise the answer is that of another server on the same port.
 */
export async function awaitTemporal(options: {
  child: ServerProcess;
  uiUrl: string;
  namespace: string;
}): Promise<void> {
  const { child, uiUrl, namespace } = options;
  const deadline = Date.now() + READY_LIMIT_MS;
  while (!(await answers(`${uiUrl}/api/v1/namespaces/${namespace}`)) || !child.isRunning()) {
    if (!child.isRunning()) throw new Error(`it ended with ${describeExit(await child.exited)}`);
    if (Date.now() > deadline) throw new Error(`not ready after ${READY_LIMIT_MS / 1000} s`);
    await sleep(POLL_MS);
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ASK_LIMIT_MS) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
