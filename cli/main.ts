import { runCommandLine } from './run-command-line.ts';

/** Who reads stdout may stop early, as `head` does: that is no failure. */
function endQuietlyWithoutReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit(process.exitCode ?? 0);
    });
  }
}

endQuietlyWithoutReader();
await runCommandLine(process.argv.slice(2));
