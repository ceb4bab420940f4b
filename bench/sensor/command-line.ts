import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { packageRoot } from '../../workers/configuration/package-root.ts';

const MAIN = join(packageRoot, 'dist', 'cli', 'main.js');

export interface CommandOptions {
  cwd: string;
  /** Words before `node`, such as `ip netns exec name`. */
  within?: readonly string[];
  /** For Node itself. */
  nodeOptions?: readonly string[];
  env?: Readonly<Record<string, string>>;
}

/** A command of the program as a user starts it: a process of its own, whose lines are listened to. */
export class RunningCommand {
  readonly child: ChildProcess;
  /** Exit code; null after a signal. */
  readonly ended: Promise<number | null>;
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  readonly #watchers = new Set<() => void>();

  constructor(
    words: readonly string[],
    { cwd, within = [], nodeOptions = [], env }: CommandOptions,
  ) {
    const line = [...within, process.execPath, ...nodeOptions, MAIN, ...words];
    this.child = spawn(line[0]!, line.slice(1), { cwd, env: { ...process.env, ...env } });
    this.#collect(this.child.stdout!, this.stdout);
    this.#collect(this.child.stderr!, this.stderr);
    this.ended = once(this.child, 'close').then(([code]) => code as number | null);
    void this.ended.then(() => this.#look());
  }

  get pid(): number {
    return this.child.pid!;
  }

  type(line: string): void {
    this.child.stdin!.write(`${line}\n`);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /**
   * Resolves with what `find` finds; it is asked after each line.
   *
   * @throws {Error} with the command's last words when it ends, or the time does, before
   */
  async waitFor<T>(what: string, find: () => T | undefined, timeoutMs: number): Promise<T> {
    const { promise, resolve, reject } = withResolvers<T>();
    const fail = (why: string) =>
      reject(new Error(`${what}: ${why}\n${this.stderr.slice(-20).join('\n')}`));
    const timer = setTimeout(() => fail(`not within ${timeoutMs / 1_000} s`), timeoutMs);
    const look = () => {
      const found = find();
      if (found !== undefined) resolve(found);
      else if (this.child.exitCode !== null || this.child.signalCode !== null)
        fail(`the command ended with ${this.child.exitCode ?? this.child.signalCode}`);
    };
    this.#watchers.add(look);
    look();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(look);
    }
  }

  /** Ends it in order; by force when it does not obey. */
  async stop(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGCONT');
      this.child.kill('SIGTERM');
      const timer = setTimeout(() => this.child.kill('SIGKILL'), 30_000);
      await this.ended;
      clearTimeout(timer);
    }
    return this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #collect(stream: NodeJS.ReadableStream, lines: string[]): void {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop()!;
      lines.push(...parts);
      this.#look();
    });
  }

  #look(): void {
    for (const look of this.#watchers) look();
  }
}

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}

/** Runs a command to its end. */
export async function runCommand(
  words: readonly string[],
  options: CommandOptions,
): Promise<{ exitCode: number | null; stdout: string; stderr: string }> {
  const command = new RunningCommand(words, options);
  const exitCode = await command.ended;
  return {
    exitCode,
    stdout: command.stdout.join('\n'),
    stderr: command.stderr.join('\n'),
  };
}
