import type { Command } from 'commander';
import { createProgram } from '../cli/create-program.ts';

/** A command, or a word that has commands of its own, with what `--help` prints of it. */
export interface CommandHelp {
  /** All words: `fairlead sensor hold`. */
  words: string;
  help: string;
}

const HELP_COLUMNS = 110;

/** Every command in the order of `fairlead --help`, a group before its own. */
export async function commandHelps(): Promise<CommandHelp[]> {
  const bare = await createProgram(() => false);
  const { commands } = await createProgram(() => true);
  const below = commands.flatMap((command) => helpsBelow(command, 'fairlead '));
  return [{ words: 'fairlead', help: helpOf(bare) }, ...below];
}

function helpsBelow(command: Command, parent: string): CommandHelp[] {
  const words = `${parent}${command.name()}`;
  const below = command.commands.flatMap((each) => helpsBelow(each, `${words} `));
  return [{ words, help: helpOf(command) }, ...below];
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => (text += part),
    getOutHelpWidth: () => HELP_COLUMNS,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text.trimEnd();
}
