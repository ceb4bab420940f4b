import { closest } from 'fastest-levenshtein';
import { formatCount } from '../../../domain/format-figures.ts';
import { FairleadError } from '../../../domain/errors.ts';
import { checksOf, type Check, type PreflightReport } from '../../../domain/preflight.ts';
import { shellWord } from '../../../domain/shell-word.ts';
import { MS_US } from '../../../domain/time.ts';
import { listShips } from '../channel-probes.ts';
import type { MigrationDatabases } from '../migration-databases.ts';
import { unknownShip } from '../plan-ship.ts';
import { checkPlan, explainChunk, imagineChunk } from './chunk-plan.ts';
import { checkConnections, type ConnectionNeeds } from './connections.ts';
import { Deadline, OutOfTime, attempt, checkOfFailure, look, type Side } from './look.ts';
import { checkLate } from './late-cells.ts';
import { checkPath } from './path.ts';
import { checkSourceRights, checkTargetRights } from './rights.ts';
import { checkRoom } from './room.ts';
import { checkTimeIndex, type Sample } from './sample-chunk.ts';
import { isSameServer, readFacts } from './server-facts.ts';
import { checkServer } from './servers.ts';
import { readSessionSettings } from './session-settings.ts';
import { checkShip, notLookedAt, type ShipFindings } from './ship.ts';
import {
  checkSourceTable,
  describeSourceTable,
  isUnprobeable,
  type SourceTable,
} from './source-table.ts';
import { checkTimeouts } from './timeouts.ts';

export interface PreflightRequest {
  /** As typed; those of `fleet`, or else all that the source holds, when there are none. */
  ships: readonly string[];
  fleet: readonly string[];
  widthMs: number;
  /** Connections of one worker to each database. */
  poolSize: number;
  /** After so long, what was not had is said to be missing. */
  withinMs: number;
}

/** So many connections the looks themselves take of each database. */
export const PREFLIGHT_CONNECTIONS = 3;

/**
 * Looks at both databases and says what a migration would meet, and cost. It changes nothing: every transaction is
 * read only, takes no lock but AccessShare, and waits for none longer than 100 ms.
 *
 * @throws {FairleadError} `ship-unknown` for a ship that was typed and has no cell
 * @see docs/preflight.md
 */
export async function runPreflight(
  databases: MigrationDatabases,
  request: PreflightRequest,
): Promise<PreflightReport> {
  const deadline = new Deadline(request.withinMs);
  const [source, target] = await Promise.all([
    reach('source', databases, deadline),
    reach('target', databases, deadline),
  ]);
  const sides = [source, target].flatMap(({ side }) => side ?? []);
  const needs = { poolSize: request.poolSize, shared: whatIsShared(sides) };
  const general = await Promise.all(sides.map((side) => checkSide(side, needs, deadline)));
  const ships = source.side
    ? await checkSource(databases, source.side, target.side, request, deadline)
    : { checks: [], findings: [], names: [...request.ships] };
  const ofTarget = target.side ? await checkTarget(databases, target.side, ships, deadline) : [];
  return {
    checks: [...source.checks, ...target.checks, ...general.flat(), ...ships.checks, ...ofTarget],
    ships: ships.findings.flatMap(({ estimate }) => estimate ?? []),
    reached: source.isReached && target.isReached,
  };
}

interface Reached {
  side?: Side;
  checks: Check[];
  isReached: boolean;
}

async function reach(
  role: Side['role'],
  databases: MigrationDatabases,
  deadline: Deadline,
): Promise<Reached> {
  const pool = databases[role];
  try {
    const facts = await look(pool, deadline, readFacts);
    return { side: { role, pool, facts }, checks: [], isReached: true };
  } catch (error) {
    const check = checkOfFailure('servers', role, 'connection', error);
    const isAway = !(error instanceof FairleadError) || error.kind === 'transient';
    const fix = check.fix ?? `# check [${role}] url, and FAIRLEAD_${role.toUpperCase()}_URL`;
    return { checks: [{ ...check, verdict: 'stop', fix }], isReached: !isAway };
  }
}

function whatIsShared([one, other]: readonly Side[]): ConnectionNeeds['shared'] {
  if (!one || !other || !isSameServer(one.facts, other.facts))
    return { server: false, role: false, database: false };
  return {
    server: true,
    role: one.facts.user === other.facts.user,
    database: one.facts.databaseOid === other.facts.databaseOid,
  };
}

async function checkSide(side: Side, needs: ConnectionNeeds, deadline: Deadline): Promise<Check[]> {
  const servers = await checkServer(side, deadline);
  const sessions = await attempt('sessions', side.role, 'timeouts', async () => {
    const settings = await readSessionSettings(side, deadline);
    return [...checkTimeouts(side, settings), ...(await checkPath(side, settings, deadline))];
  });
  const connections = await attempt('connections', side.role, 'connections', () =>
    checkConnections(side, needs, deadline),
  );
  return [...servers, ...sessions, ...connections];
}

interface SourceFindings {
  checks: Check[];
  findings: ShipFindings[];
  /** Of the ships, also those that were not looked at. */
  names: readonly string[];
}

async function checkSource(
  databases: MigrationDatabases,
  source: Side,
  target: Side | undefined,
  request: PreflightRequest,
  deadline: Deadline,
): Promise<SourceFindings> {
  const rights = await checkSourceRights(source, databases.sourceTable, deadline);
  const none = { findings: [], names: [...request.ships, ...request.fleet] };
  if (rights.some(({ verdict }) => verdict === 'stop')) return { checks: rights, ...none };
  let table: SourceTable | undefined;
  const ofTable = await attempt('source table', 'source', 'size', async () => {
    table = await look(source.pool, deadline, (client) =>
      describeSourceTable(client, databases.sourceTable),
    );
    return checkSourceTable(table);
  });
  const ofLate = await attempt('source table', 'source', 'late cells', async () => [
    await checkLate(source, databases.sourceTable, deadline),
  ]);
  const checks = [...rights, ...ofTable, ...ofLate];
  if (!table) return { checks, ...none };
  if (isUnprobeable(table)) {
    const plan = await checkBlindly(source, table, request, deadline);
    return { checks: [...checks, ...plan], ...none };
  }
  const chosen = await chooseShips(source, databases, request, deadline);
  const surroundings = { databases, source, target, table, widthMs: request.widthMs, deadline };
  const findings = await checkShips(surroundings, chosen.ships);
  const samples = findings.flatMap(({ sample }) => sample ?? []);
  return {
    checks: [
      ...checks,
      ...samples.slice(0, 1).flatMap((sample: Sample) => checkTimeIndex(sample, table!)),
      ...chosen.checks,
      ...findings.flatMap((found) => found.checks),
    ],
    findings,
    names: chosen.ships,
  };
}

/** The plan of a chunk in a table that nothing can be asked of without reading it: by the statistics alone. */
const checkBlindly = (
  { pool, facts }: Side,
  table: SourceTable,
  { ships, fleet, widthMs }: PreflightRequest,
  deadline: Deadline,
): Promise<Check[]> =>
  attempt('ships', '', 'plan', () =>
    look(pool, deadline, async (client) => {
      const ship = ships[0] ?? fleet[0];
      const { key, channels } = await imagineChunk(client, table, ship, widthMs * MS_US);
      return [checkPlan('', await explainChunk(client, table, key, channels), table, facts)];
    }),
  );

/** @throws {FairleadError} `ship-unknown` */
async function chooseShips(
  source: Side,
  databases: MigrationDatabases,
  { ships, fleet }: PreflightRequest,
  deadline: Deadline,
): Promise<{ ships: readonly string[]; checks: Check[] }> {
  const { good, look: toLookAt } = checksOf('ships', '');
  let known: string[];
  try {
    known = await look(source.pool, deadline, (client) => listShips(client, databases.sourceTable));
  } catch (error) {
    const typed = ships.length > 0 ? ships : fleet;
    return { ships: typed, checks: [checkOfFailure('ships', '', 'ships', error)] };
  }
  for (const ship of ships) if (!known.includes(ship)) throw unknownShip(ship, known);
  const [wanted, words] =
    ships.length > 0
      ? [ships, 'named']
      : fleet.length > 0
        ? [fleet, 'of [fleet]']
        : [known, 'all that the source holds'];
  const missing = wanted.filter((ship) => !known.includes(ship));
  const present = wanted.filter((ship) => known.includes(ship));
  const checks = [
    known.length === 0
      ? toLookAt('ships', 'the narrow table is empty', 'fairlead import FILE.csv')
      : good(
          'ships',
          `${formatCount(present.length)}, ${words}; the source holds ${formatCount(known.length)}`,
        ),
    ...missing.map((ship) =>
      toLookAt(
        `${ship} cells`,
        `${ship} of [fleet] has no cell in the source`,
        `fairlead preflight ${shellWord(closestTo(ship, known))}`,
      ),
    ),
  ];
  return { ships: present, checks };
}

const closestTo = (ship: string, known: readonly string[]): string =>
  known.length === 0 ? ship : closest(ship, [...known]);

/** For what comes after the ships. */
const AFTER_SHIPS_MS = 5_000;
/** With less, a ship is not begun with. */
const LEAST_SHARE_MS = 1_000;

/** One after the other, each with its share of the time that is left. */
async function checkShips(
  surroundings: Omit<Parameters<typeof checkShip>[0], 'nowUs' | 'shareMs'>,
  ships: readonly string[],
): Promise<ShipFindings[]> {
  const deadline = new Deadline(surroundings.deadline.leftMs - AFTER_SHIPS_MS);
  const nowUs = Date.now() * MS_US;
  const findings: ShipFindings[] = [];
  for (const [index, ship] of ships.entries()) {
    const shareMs = Math.max(LEAST_SHARE_MS, deadline.leftMs / (ships.length - index));
    try {
      if (deadline.leftMs < LEAST_SHARE_MS) throw new OutOfTime(LEAST_SHARE_MS);
      findings.push(await checkShip({ ...surroundings, deadline, nowUs, shareMs }, ship));
    } catch (error) {
      findings.push({ checks: [notLookedAt(ship, error)] });
    }
  }
  return findings;
}

async function checkTarget(
  databases: MigrationDatabases,
  target: Side,
  { names, findings }: SourceFindings,
  deadline: Deadline,
): Promise<Check[]> {
  const known = findings.flatMap(({ estimate, targetBytes }) =>
    estimate ? [{ bytes: targetBytes ?? 0, seconds: estimate.estimatedSeconds }] : [],
  );
  const growth =
    known.length === 0
      ? undefined
      : {
          bytes: known.reduce((sum, { bytes }) => sum + bytes, 0),
          seconds: known.reduce((sum, { seconds }) => sum + seconds, 0),
        };
  return [
    ...(await checkTargetRights(target, databases.targetTemplate, names, deadline)),
    ...(await checkRoom(target, growth, deadline)),
  ];
}
