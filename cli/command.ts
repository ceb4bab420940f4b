import type { Command, CommanderError } from 'commander';
import { FairleadError } from '../domain/errors.ts';
import { jsonText, printable, printableMessage } from '../domain/printable.ts';
import { loadConfiguration, type Configuration } from '../workers/configuration.ts';

/** What a command has to say in the end: one JSON document for scripts, or a text for people. */
export interface Outcome {
  json: unknown;
  text: string;
  /** 0 unless something is not right. */
  exitCode?: number;
}

export interface CommonOptions {
  json?: true;
  config?: string;
}

export interface CommandDescription {
  /** Name and arguments, as commander spells them: `import <file>`. */
  usage: string;
  summary: string;
  /** Whole command lines. */
  examples: readonly string[];
}

/** Adds a command with the options that every command has, and its examples in `--help`. */
export function addCommand(
  program: Command,
  { usage, summary, examples }: CommandDescription,
): Command {
  const title = examples.length === 1 ? 'Example:' : 'Examples:';
  const command = program.command(usage);
  return command
    .exitOverride((error) => {
      throw Object.assign(error, { typed: wordsOf(command) } satisfies Partial<WrongUsage>);
    })
    .description(summary)
    .addHelpText('after', ['', title, ...examples.map((line) => `  ${line}`)].join('\n'))
    .option('--json', 'print exactly one JSON document on stdout')
    .option('--config <file>', 'the configuration to read (default: ./fairlead.toml)');
}

/** What commander throws, with the words of the command that it is about: `sensr zones get`. */
export type WrongUsage = CommanderError & { typed?: string };

function wordsOf(command: Command): string {
  const { parent } = command;
  return parent?.parent ? `${wordsOf(parent)} ${command.name()}` : command.name();
}

/** Writes the one JSON document, or the text, to stdout; `undefined` when the command wrote by itself. */
export function conclude(outcome: Outcome | undefined, { json }: CommonOptions): void {
  if (outcome === undefined) return;
  process.stdout.write(`${json ? jsonText(outcome.json) : printable(outcome.text.trimEnd())}\n`);
  process.exitCode = outcome.exitCode ?? 0;
}

/** Data as they are, such as CSV, on stdout; on a terminal only what it would not obey. */
export const writeData = (text: string): void =>
  void process.stdout.write(process.stdout.isTTY ? printable(text) : text);

/** A sentence for the person at the terminal; never on stdout. */
export const note = (sentence: string): void =>
  void process.stderr.write(`fairlead: ${printableMessage(sentence)}\n`);

/**
 * Reads the configuration that `--config` names, and says what is strange about it.
 *
 * @throws {FairleadError} `config-invalid`
 */
export function readConfiguration({ config }: CommonOptions): Configuration {
  const configuration = loadConfiguration({ file: config });
  for (const warning of configuration.warnings) note(`warning: ${warning}`);
  return configuration;
}

/**
 * Gives `run` a signal that the first Ctrl-C, or SIGTERM, aborts; the second one ends the process.
 *
 * @param consequence what the interruption means for the work: `nothing was imported`
 */
export async function interruptible<T>(
  consequence: string,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const interrupt = () =>
    controller.abort(
      new FairleadError('interrupted', `interrupted: ${consequence}`, {
        hint: 'repeat the command when you like',
      }),
    );
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    return await run(controller.signal);
  } finally {
    process.removeListener('SIGINT', interrupt);
    process.removeListener('SIGTERM', interrupt);
  }
}
