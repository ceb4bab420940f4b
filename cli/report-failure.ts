import { CommanderError } from 'commander';
import { exitCodeOfKind, FairleadError } from '../domain/errors.ts';

const WHERE_TO_REPORT =
  'this is a bug of Fairlead: please report it with the lines above and the command that you typed';

/** Tells what went wrong: on stderr for people, with `--json` on stdout for scripts too; and sets the exit code. */
export function reportFailure(error: unknown, argv: readonly string[]): void {
  if (error instanceof CommanderError && error.exitCode === 0) return;
  const failure = asFailure(error, argv);
  process.exitCode = exitCodeOfKind[failure.kind];
  process.stderr.write(`fairlead: ${failure.message}\n`);
  if (failure.kind === 'bug') process.stderr.write(`${stackOf(error)}\n`);
  if (failure.hint) process.stderr.write(`  → ${failure.hint}\n`);
  if (argv.includes('--json')) process.stdout.write(`${JSON.stringify(documentOf(failure))}\n`);
}

const documentOf = ({ code, message, hint }: FairleadError) => ({
  error: { code, message, hint: hint ?? null },
});

function asFailure(error: unknown, argv: readonly string[]): FairleadError {
  if (error instanceof FairleadError) return error;
  if (error instanceof CommanderError) return usageFailure(error, argv);
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new FairleadError('unexpected', withoutPasswords(message), {
    hint: WHERE_TO_REPORT,
    cause: error,
  });
}

function usageFailure(error: CommanderError, argv: readonly string[]): FairleadError {
  const isEmpty = error.code === 'commander.help';
  const message = isEmpty ? 'no command was given' : error.message.replace(/^error: /, '');
  const isUnknown = error.code === 'commander.unknownCommand';
  const [command] = argv.filter((word) => !word.startsWith('-'));
  const help = isEmpty || isUnknown || !command ? 'fairlead --help' : `fairlead ${command} --help`;
  return new FairleadError('usage-invalid', message, { hint: `${help} shows what there is` });
}

const stackOf = (error: unknown): string =>
  withoutPasswords(error instanceof Error ? (error.stack ?? error.message) : '');

/** What an unexpected error says is not ours: a URL in it loses its password. */
const withoutPasswords = (text: string): string =>
  text.replace(/(\w+:\/\/[^\s:/@]+):[^\s@]+@/g, '$1:***@');
