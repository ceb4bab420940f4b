import { spawn } from 'node:child_process';
import { once, EventEmitter } from 'node:events';
import { createInterface } from 'node:readline';

type Named<Told extends { event: string }, E extends Told['event']> = Extract<Told, { event: E }>;

/** A process that tells what happens in lines of JSON, and does what it is told in lines on stdin. */
export interface JsonProcess<Told extends { event: string }> extends AsyncDisposable {
  pid: number;
  told: readonly Told[];
  /**
   * Resolves with the event of that name that fits, the `count`-th of them, also when it was before.
   *
   * @throws {Error} with the last words of a process that ends before
   */
  waitFor: <E extends Told['event']>(
    name: E,
    options?: { fits?: (event: Named<Told, E>) => boolean; count?: number },
  ) => Promise<Named<Told, E>>;
  say: (line: string) => void;
  signal: (name: NodeJS.Signals) => void;
  /** Asks it to end, by SIGTERM and the end of its stdin; a little later by force. */
  end: () => Promise<void>;
}

const END_WITHIN_MS = 15_000;

export function startJsonProcess<Told extends { event: string }>(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): JsonProcess<Told> {
  const [program, ...words] = command;
  const child = spawn(program!, words, { env: { ...process.env, ...env } });
  const told: Told[] = [];
  const happened = new EventEmitter().setMaxListeners(0);
  let lastWords = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-2_000);
  });
  createInterface(child.stdout).on('line', (line) => {
    told.push(JSON.parse(line) as Told);
    happened.emit('news');
  });
  let isOver = false;
  child.once('close', () => {
    isOver = true;
    happened.emit('news');
  });
  child.stdin.on('error', () => {});
  const end = async () => {
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    child.stdin.end();
    const timer = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS);
    if (!isOver) await once(child, 'close');
    clearTimeout(timer);
  };
  return {
    pid: child.pid!,
    told,
    waitFor: async (name, { fits = () => true, count = 1 } = {}) => {
      const isNamed = (one: Told): one is Named<Told, typeof name> => one.event === name;
      for (;;) {
        const found = told.filter(isNamed).filter(fits)[count - 1];
        if (found) return found;
        if (isOver) throw new Error(`${command.join(' ')} ended: ${lastWords}`);
        await once(happened, 'news');
      }
    },
    say: (line) => void child.stdin.write(`${line}\n`),
    signal: (name) => void child.kill(name),
    end,
    [Symbol.asyncDispose]: end,
  };
}
