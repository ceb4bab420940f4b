import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface SilentListener extends AsyncDisposable {
  /** From now on connections are taken. */
  answer: () => void;
}

const program = (host: string, port: number) =>
  `require('net').createServer((s) => s.on('error', () => {})).listen(${port}, '${host}', 1, () => console.log('up'))`;

/** On loopback an answer comes at once. */
const ANSWER_WITHIN_MS = 200;

/** An address that does not answer: of a stopped process, whose kernel drops SYNs since its backlog is full. */
export async function silentListener(host: string, port: number): Promise<SilentListener> {
  const listener = spawn(process.execPath, ['-e', program(host, port)]);
  await once(listener.stdout, 'data');
  listener.kill('SIGSTOP');
  const fill: Socket[] = [];
  for (let isFull = false; !isFull;) {
    const socket = connect({ host, port }).on('error', () => {});
    fill.push(socket);
    isFull = await Promise.race([
      once(socket, 'connect').then(() => false),
      sleep(ANSWER_WITHIN_MS, true),
    ]);
  }
  fill.pop()!.destroy();
  return {
    answer: () => void listener.kill('SIGCONT'),
    [Symbol.asyncDispose]: async () => {
      for (const socket of fill) socket.destroy();
      listener.kill('SIGKILL');
      await once(listener, 'exit');
    },
  };
}
