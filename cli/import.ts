import type { Command } from 'commander';
import { basename } from 'node:path';
import { formatCount } from '../domain/format-figures.ts';
import { importCells, type ImportResult } from '../activities/postgres/import-cells.ts';
import { createNarrowTable } from '../activities/postgres/narrow-table.ts';
import {
  addCommand,
  conclude,
  interruptible,
  readConfiguration,
  type CommonOptions,
  type Outcome,
} from './command.ts';
import { fillSource } from './fill-source.ts';
import { openProgress } from './progress.ts';

/** `fairlead import <file>` */
export function addImport(program: Command): void {
  addCommand(program, {
    usage: 'import',
    summary: 'load a CSV file, gzipped or not, into the narrow table of the source',
    examples: ['fairlead import data/plaka.csv.gz'],
  })
    .argument('<file>', 'rows in the form of the narrow table, with a header')
    .action(async (file: string, options: CommonOptions) => {
      conclude(await importFile(file, options), options);
    });
}

async function importFile(file: string, options: CommonOptions): Promise<Outcome> {
  const configuration = readConfiguration(options);
  const startedAt = performance.now();
  using progress = openProgress({ unit: 'KiB' });
  const task = progress.task(basename(file), 0);
  const result = await interruptible('nothing was imported', (signal) =>
    fillSource<ImportResult>(configuration, {
      name: 'import',
      signal,
      prepare: async (client, table, fill) => {
        await createNarrowTable(client, table);
        return fill(false);
      },
      fill: (client, table) =>
        importCells(client, table, file, {
          signal,
          onProgress: (done, total) => task.update(done / 1_024, total / 1_024),
        }),
    }),
  );
  return outcomeOf(file, result, (performance.now() - startedAt) / 1_000);
}

function outcomeOf(file: string, result: ImportResult, seconds: number): Outcome {
  const rounded = Math.round(seconds * 10) / 10;
  const { rows, imported, alreadyThere, ships, from, to } = result;
  const there = alreadyThere > 0 ? `, ${formatCount(alreadyThere)} were there already` : '';
  const span = from === null ? '' : `, ${from} to ${to}`;
  return {
    json: { file, rows, imported, alreadyThere, ships, from, to, seconds: rounded },
    text: `${basename(file)}: ${formatCount(imported)} of ${formatCount(rows)} rows imported${there}, in ${rounded} s\n${ships.join(', ')}${span}`,
  };
}
