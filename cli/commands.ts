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
    name: 'demo',
    summary: 'run the main job on servers of its own, with real ship data',
    load: async () => (await import('./demo.ts')).addDemo,
  },
  {
    name: 'up',
    summary: 'run workers, and the local stack where nothing else is configured',
    load: async () => (await import('./up.ts')).addUp,
  },
  {
    name: 'worker',
    summary: 'run one worker process against configured services',
    load: async () => (await import('./worker.ts')).addWorker,
  },
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
  {
    name: 'preflight',
    summary: 'look at both databases, and say what a migration would meet, and cost',
    load: async () => (await import('./preflight.ts')).addPreflight,
  },
  {
    name: 'migrate',
    summary: 'start, or join, the migration of each ship',
    load: async () => (await import('./migrate.ts')).addMigrate,
  },
  {
    name: 'status',
    summary: 'show where each migration stands',
    load: async () => (await import('./status.ts')).addStatus,
  },
  {
    name: 'pause',
    summary: 'start no more chunks of a migration',
    load: async () => (await import('./pause.ts')).addPause,
  },
  {
    name: 'resume',
    summary: 'end a pause, and try at once what is waited for',
    load: async () => (await import('./resume.ts')).addResume,
  },
  {
    name: 'cancel',
    summary: 'end a migration; what is proven stays',
    load: async () => (await import('./cancel.ts')).addCancel,
  },
  {
    name: 'set-window',
    summary: 'change the chunks in flight of a running migration',
    load: async () => (await import('./set-window.ts')).addSetWindow,
  },
  {
    name: 'verify',
    summary: 'compare source and target again, reading both anew',
    load: async () => (await import('./verify.ts')).addVerify,
  },
  {
    name: 'failed',
    summary: 'list the chunks that failed',
    load: async () => (await import('./failed.ts')).addFailed,
  },
  {
    name: 'reprocess',
    summary: 'migrate exactly the ranges of a file, and list what still fails',
    load: async () => (await import('./reprocess.ts')).addReprocess,
  },
  {
    name: 'diagnose',
    summary: "the statistics of the old pipeline's logs, and what they prove",
    load: async () => (await import('./diagnose.ts')).addDiagnose,
  },
  {
    name: 'sensor',
    summary: "hold sensors' streams open, as sessions or in the foreground",
    load: async () => (await import('./sensor.ts')).addSensor,
  },
  {
    name: 'recording',
    summary: 'look into recordings, and make crashed ones whole',
    load: async () => (await import('./recording.ts')).addRecording,
  },
  {
    name: 'simulate',
    summary: 'run a sensor server to try against',
    load: async () => (await import('./simulate.ts')).addSimulate,
  },
  {
    name: 'sensr',
    summary: "a sensor server's REST commands",
    load: async () => (await import('./sensr.ts')).addSensr,
  },
];
