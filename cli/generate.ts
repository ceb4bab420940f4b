import { InvalidArgumentError, Option, type Command } from 'commander';
import { generateFleet, type FleetResult } from '../activities/postgres/generate-fleet.ts';
import { fillOwnTable } from '../activities/postgres/narrow-table.ts';
import { formatCount } from '../domain/format-figures.ts';
import { SAMPLE_INTERVAL_US } from '../domain/made-up-fleet.ts';
import { parseInstant } from '../domain/time.ts';
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

interface GenerateOptions extends CommonOptions {
  ships: number;
  hours: number;
  from: number;
  seed: number;
}

const DEFAULT_FROM = '2025-06-15T00:00Z';
const MOST_SHIPS = 1_000;
const MOST_HOURS = 24 * 366;
const MOST_SEED = 2 ** 31 - 1;

/** `fairlead generate --ships N --hours H` */
export function addGenerate(program: Command): void {
  addCommand(program, {
    usage: 'generate',
    summary: 'fill the narrow table of the source with a made-up fleet: every channel, every 15 s',
    examples: [
      'fairlead generate --ships 2 --hours 6',
      'fairlead generate --ships 8 --hours 24 --from 2025-06-15 --seed 7',
    ],
  })
    .requiredOption('--ships <n>', 'how many ships', wholeNumber(1, MOST_SHIPS))
    .requiredOption('--hours <h>', 'how much time of each', hours)
    .addOption(
      new Option('--from <time>', 'the first instant, on a full minute')
        .argParser(fullMinute)
        .default(fullMinute(DEFAULT_FROM), DEFAULT_FROM),
    )
    .option('--seed <s>', 'another seed makes other values', wholeNumber(0, MOST_SEED), 1)
    .action(async (options: GenerateOptions) => conclude(await generate(options), options));
}

async function generate(options: GenerateOptions): Promise<Outcome> {
  const configuration = readConfiguration(options);
  const { ships, hours: hourCount, from: fromUs, seed } = options;
  const channels = configuration.channelGroups.flatMap((group) => group.channels);
  const request = { ships, hours: hourCount, fromUs, seed, channels };
  const startedAt = performance.now();
  using progress = openProgress();
  const task = progress.task('generate', 0);
  const result = await interruptible('nothing was generated', (signal) =>
    fillSource<FleetResult>(configuration, {
      name: 'generate',
      signal,
      prepare: fillOwnTable,
      fill: (client, table, freeze) =>
        generateFleet(client, table, { ...request, freeze, signal }, task.update),
    }),
  );
  return outcomeOf(result, (performance.now() - startedAt) / 1_000);
}

function outcomeOf(result: FleetResult, seconds: number): Outcome {
  const rounded = Math.round(seconds * 10) / 10;
  const { ships, from, to, cells, generated } = result;
  const done =
    generated === 0
      ? `all ${formatCount(cells)} cells were there already, nothing was done`
      : `${formatCount(generated)} cells generated in ${rounded} s`;
  const rest =
    generated > 0 && generated < cells
      ? `, ${formatCount(cells - generated)} were there already`
      : '';
  return {
    json: { ships, from, to, cells, generated, alreadyThere: cells - generated, seconds: rounded },
    text: `${done}${rest}\n${ships.join(', ')}, ${from} to ${to}`,
  };
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

/** A whole number of samples. */
function hours(text: string): number {
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  const samples = (value * 3_600_000_000) / SAMPLE_INTERVAL_US;
  if (samples >= 1 && value <= MOST_HOURS && Number.isInteger(samples)) return value;
  throw new InvalidArgumentError(
    `Expected hours, more than 0 and at most ${MOST_HOURS}, in steps of 15 s.`,
  );
}

function fullMinute(text: string): number {
  try {
    const us = parseInstant(text);
    if (us % 60_000_000 === 0) return us;
  } catch {
    // The sentence below says it too.
  }
  throw new InvalidArgumentError(
    'Expected an ISO 8601 time on a full minute, such as 2025-06-15T00:00Z.',
  );
}
