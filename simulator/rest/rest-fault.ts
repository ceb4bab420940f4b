import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultBoard } from '../faults.ts';

const DEFAULT_DELAY_MS = 15_000;

/**
 * Does to a request what the fault `rest` wants.
 *
 * @returns false when the request shall be answered as ever
 */
export async function meetFault(
  board: FaultBoard,
  { method, path }: { method: string; path: string },
  { socket }: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const fault = board.of('rest');
  if (!fault) return false;
  if (fault.method !== undefined && fault.method !== method) return false;
  if (fault.path !== undefined && !path.includes(fault.path)) return false;
  countDown(board);
  const kind = fault.kind ?? 'status';
  switch (kind) {
    case 'status':
      response.writeHead(fault.status ?? 503).end('the simulator was told to fail');
      return true;
    case 'prose':
      response.end('No projects found here, and this is no JSON.');
      return true;
    case 'broken':
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('[1001, 10');
      return true;
    case 'half':
      response.writeHead(200, { 'Content-Length': '1000' });
      response.write('[1001,', () => socket.destroy());
      return true;
    case 'reset':
      socket.resetAndDestroy();
      return true;
    case 'slow':
      await sleep(fault.delayMs ?? DEFAULT_DELAY_MS);
      return false;
    case 'hang':
      return true;
    default:
      return kind satisfies never;
  }
}

function countDown(board: FaultBoard): void {
  const fault = board.of('rest');
  if (fault?.times === undefined) return;
  if (fault.times <= 1) board.clear('rest');
  else board.set('rest', { ...fault, times: fault.times - 1 });
}
