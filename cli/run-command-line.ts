import { createProgram } from './create-program.ts';
import { reportFailure } from './report-failure.ts';

/** The first word, or the one after `help`. */
function isTyped(name: string, argv: readonly string[]): boolean {
  const [first, second] = argv.filter((word) => !word.startsWith('-'));
  return name === (first === 'help' ? second : first);
}

/** Runs one command line, given without `node` and script; what became of it is in `process.exitCode`. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  try {
    const program = await createProgram((name) => isTyped(name, argv));
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    reportFailure(error, argv);
  }
}
