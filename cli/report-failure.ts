import { CommanderError } from 'commander';
import type { WrongUsage } from './command.ts';
import { exitCodeOfKind, FairleadError } from '../domain/errors.ts';
import { jsonText, printableMessage } from '../domain/printable.ts';

const WHERE_TO_REPORT =
  'this is a bug of Fairlead: please report it with the lines above and the command that you typed';

/** Tells what went wrong: on stderr for people, with `--json` on stdout for scripts too; and sets the exit code. */
export function reportFailure(error: unknown, argv: readonly string[]): void {
  if (error instanceof CommanderError && error.exitCode === 0) return;
  const failure = asFailure(error);
  process.exitCode = exitCodeOfKind[failure.kind];
  process.stderr.write(`fairlead: ${printableMessage(failure.message)}\n`);
  if (failure.kind === 'bug') process.stderr.write(`${printableMessage(stackOf(error))}\n`);
  if (failure.hint) process.stderr.write(`  → ${printableMessage(failure.hint)}\n`);
  if (argv.includes('--json')) process.stdout.write(`${jsonText(documentOfFailure(failure))}\n`);
}

export function documentOfFailure(error: unknown): object {
  const { code, message, hint = null } = asFailure(error);
  return { error: { code, message, hint } };
}

function asFailure(error: unknown): FairleadError {
  if (error instanceof FairleadError) return error;
  if (error instanceof CommanderError) return usageFailure(error);
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new FairleadError('unexpected', withoutPasswords(message), {
    hint: WHERE_TO_REPORT,
    cause: error,
  });
}

function usageFailure(error: WrongUsage): FairleadError {
  const command = ['fairlead', error.typed ?? []].flat().join(' ');
  const isEmpty = error.code === 'commander.help';
  const message = isEmpty ? emptyMessage(error) : error.message.replace(/^error: /, '');
  return new FairleadError('usage-invalid', message, {
    hint: `${command} --help shows what there is`,
  });
}

const emptyMessage = ({ typed }: WrongUsage): string =>
  typed === undefined ? 'no command was given' : `no command was given after ${typed}`;

const stackOf = (error: unknown): string =>
  withoutPasswords(error instanceof Error ? (error.stack ?? error.message) : '');

/** What an unexpected error says is not ours: a URL in it loses its password. */
const withoutPasswords = (text: string): string =>
  text.replace(/(\w+:\/\/[^\s:/@]+):[^\s@]+@/g, '$1:***@');
