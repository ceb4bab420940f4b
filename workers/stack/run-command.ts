import { spawn } from 'node:child_process';
import type { ChildProcess, SpawnOptions } from 'node:child_process';

export type CommandResult = { code: number | null; stdout: string; stderr: string };

export type CommandOptions = Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'> & {
  timeoutMs: number;
  signal?: AbortSignal;
};

const MAX_OUTPUT_CHARACTERS = 1_000_000;

/**
 * Runs a command to its end, with no input and no shell.
 *
 * @returns also when the exit code is not 0; `code` is null when a signal ended it
 * @throws the spawn error (`ENOENT`, `EACCES`…), an `AbortError`, or an error that states the time limit
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  { timeoutMs, ...options }: CommandOptions,
): Promise<CommandResult> {
  const child = spawn(command, args, {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
    killSignal: 'SIGKILL',
  });
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${command} did not end within ${timeoutMs / 1000} s`));
    }, timeoutMs);
    const output = collectOutput(child);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, ...output });
    });
  });
}

/** Past the limit the output is dropped: it is read by people and error messages only. */
function collectOutput(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      if (output[name].length < MAX_OUTPUT_CHARACTERS) output[name] += text;
    });
  return output;
}

/** The last line that says something, for one sentence of an error message. */
export const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? '';
