import type { Command } from 'commander';

/** One command of the program; its module is loaded only when it is the one that was typed. */
export interface CommandEntry {
  name: string;
  summary: string;
  load: () => Promise<(program: Command) => void>;
}

/** Every command, in the order in which `fairlead --help` shows them: one entry each, one file each. */
export const commands: readonly CommandEntry[] = [
  {
    name: 'import',
    summary: 'load a CSV file into the narrow table',
    load: async () => (await import('./import.ts')).addImport,
  },
  {
    name: 'generate',
    summary: 'fill the narrow table with a made-up fleet',
    load: async () => (await import('./generate.ts')).addGenerate,
  },
];
