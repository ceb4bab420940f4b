import type { Command } from 'commander';
import {
  PREFLIGHT_CONNECTIONS,
  runPreflight,
} from '../activities/postgres/preflight/run-preflight.ts';
import { nameOfCheck, type PreflightReport } from '../domain/preflight.ts';
import type { Configuration } from '../workers/configuration.ts';
import { openDatabases } from '../workers/open-databases.ts';
import { requireBothOrNeither } from '../workers/resolve-database.ts';
import { chooseShips } from './choose-ships.ts';
import {
  addCommand,
  conclude,
  note,
  readConfiguration,
  type CommonOptions,
  type Outcome,
} from './command.ts';
import { checkTemporal } from './preflight-temporal.ts';
import { preflightText } from './preflight-text.ts';

/** A minute, with what starting and ending take. */
const WITHIN_MS = 50_000;

/** `fairlead preflight [ship…]` */
export function addPreflight(program: Command): void {
  addCommand(program, {
    usage: 'preflight',
    summary:
      'look at both databases and say what a migration would meet, and cost; changes nothing',
    examples: ['fairlead preflight', 'fairlead preflight IMO9976903 --json'],
  })
    .argument('[ship...]', 'ship ids (default: those under [fleet], or all that the source holds)')
    .action(async (ships: string[], options: CommonOptions) => {
      const configuration = readConfiguration(options);
      requireBothOrNeither(configuration);
      const typed = ships.length > 0 ? chooseShips(ships, {}, configuration) : [];
      if (process.stderr.isTTY) note('looking; this takes a minute at most');
      conclude(outcomeOf(await preflight(typed, configuration)), options);
    });
}

async function preflight(
  ships: readonly string[],
  configuration: Configuration,
): Promise<PreflightReport> {
  await using databases = openDatabases(configuration, PREFLIGHT_CONNECTIONS);
  const { migration, worker, fleet } = configuration;
  const [report, ofTemporal] = await Promise.all([
    runPreflight(databases, {
      ships,
      fleet: fleet.ships,
      widthMs: migration.widthMs,
      poolSize: worker.poolSize,
      withinMs: WITHIN_MS,
    }),
    checkTemporal(configuration),
  ]);
  return { ...report, checks: [...report.checks, ...ofTemporal] };
}

/** 75 where a database did not answer: then what it would have said is missing. */
export function outcomeOf({ checks, ships, reached }: PreflightReport): Outcome {
  const mustAct = checks.some(({ verdict }) => verdict === 'stop');
  return {
    json: {
      checks: checks.map((check) => ({
        name: nameOfCheck(check),
        verdict: check.verdict,
        found: check.found,
        fix: check.fix,
      })),
      ships,
    },
    text: preflightText({ checks, ships, reached }),
    exitCode: reached ? (mustAct ? 3 : 0) : 75,
  };
}
