import type { Command } from 'commander';
import { addCommand, type CommandDescription } from './command.ts';

/**
 * Adds a word that has commands of its own, to be added to what is returned; `--json` and `--config` may also stand
 * before them.
 */
export function addCommandGroup(program: Command, description: CommandDescription): Command {
  const group = addCommand(program, description).enablePositionalOptions();
  return group.hook('preAction', (_, command) => {
    for (const [name, value] of Object.entries(group.opts<Record<string, unknown>>())) {
      if (command.getOptionValue(name) === undefined) command.setOptionValue(name, value);
    }
  });
}
