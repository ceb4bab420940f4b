import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../workers/configuration/package-root.ts';
import { commands } from './commands.ts';
import { reportFailure } from './report-failure.ts';

/** The program with one command loaded whole, and of the others what `--help` shows. */
async function createProgram(argv: readonly string[]): Promise<Command> {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  const program = new Command('fairlead')
    .description(
      "Moves ships' sensor history into wide PostgreSQL tables, and holds sensor streams open for months.",
    )
    .version(version)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .addHelpText('after', '\nExample:\n  fairlead migrate IMO9976903');
  for (const { name, summary, load } of commands) {
    if (isTyped(name, argv)) (await load())(program);
    else program.command(name).description(summary).usage('…');
  }
  return program;
}

/** The first word, or the one after `help`. */
function isTyped(name: string, argv: readonly string[]): boolean {
  const [first, second] = argv.filter((word) => !word.startsWith('-'));
  return name === (first === 'help' ? second : first);
}

/** Runs one command line, given without `node` and script; what became of it is in `process.exitCode`. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  try {
    const program = await createProgram(argv);
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    reportFailure(error, argv);
  }
}
