import { Command } from 'commander';
import { commands } from '../../cli/commands.ts';

const leavesOf = (command: Command): Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf);

/** Parses a command line as the program does, and does nothing else. */
export async function parseCommand(
  words: readonly string[],
): Promise<{ ran: string; options: object }> {
  const program = new Command('fairlead').exitOverride();
  const entry = commands.find(({ name }) => name === words[0]);
  (await entry!.load())(program);
  let taken: { ran: string; options: object } | undefined;
  for (const leaf of leavesOf(program))
    leaf.exitOverride().action((options: object) => {
      taken = { ran: leaf.name(), options };
    });
  await program.parseAsync(words, { from: 'user' });
  return taken!;
}
