import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../workers/configuration/package-root.ts';
import { commands } from './commands.ts';

/**
 * The program, with some of its commands loaded whole, and of the others what `--help` shows.
 *
 * @param isWanted by the command's first word
 */
export async function createProgram(isWanted: (name: string) => boolean): Promise<Command> {
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
    if (isWanted(name)) (await load())(program);
    else program.command(name).description(summary).usage('…');
  }
  return program;
}
