import { parseArgs } from 'node:util';
import { fleetShips } from '../domain/made-up-fleet.ts';
import { formatInstant, HOUR_US, parseInstant } from '../domain/time.ts';
import { openDatabases, type OpenDatabases } from '../workers/open-databases.ts';
import { withConnection } from '../activities/postgres/connection.ts';
import { CELL_EVERY_HOURS, fillSource } from './scale/fill-source.ts';
import { layOutPlan } from './scale/lay-out-plan.ts';
import { runSample } from './scale/run-sample.ts';
import { tableOf } from './scale/scale-report.ts';
import { startScaleStack } from './scale/scale-stack.ts';

/*
 * `fairlead migrate --fleet` for many ships and a whole year, on real servers, in which only the copy of a chunk is
 * replaced by a sleep: what the plan costs, and what each chunk costs Temporal, the ledger and a worker.
 */

const HELP = `npm run scale [-- --ships 200] [--chunks 4380] [--seconds 120] [--sleep 100] [--at-once 200]
                 [--workers 1] [--slots 64] [--no-lay-out] [--json]

  --ships       of the fleet
  --chunks      of each ship, of two hours: 4380 are a year
  --seconds     how long the migration is looked at; 0: only the plan is laid out
  --sleep       milliseconds that a chunk takes
  --at-once     ships that migrate at the same time
  --workers     processes, with so many --slots for chunks each
  --no-lay-out  leaves out the plan of all chunks without Temporal
  --json        one JSON document on stdout
`;

const FROM = '2025-01-01T00:00:00.000Z';
const LAY_OUT_AT_ONCE = 4;

const { values: options } = parseArgs({
  options: {
    ships: { type: 'string', default: '200' },
    chunks: { type: 'string', default: '4380' },
    seconds: { type: 'string', default: '120' },
    sleep: { type: 'string', default: '100' },
    'at-once': { type: 'string', default: '200' },
    workers: { type: 'string', default: '1' },
    slots: { type: 'string', default: '64' },
    'no-lay-out': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const startedAt = Date.now();
const say = (line: string) =>
  process.stderr.write(
    `scale ${((Date.now() - startedAt) / 1_000).toFixed(0).padStart(4)} s: ${line}\n`,
  );

if (options.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const ships = fleetShips(Number(options.ships));
  const chunks = Number(options.chunks);
  const shipsAtOnce = Math.min(ships.length, Number(options['at-once']));
  await using stack = await startScaleStack(
    {
      ships,
      shipsAtOnce,
      workers: Number(options.workers),
      chunkSlots: Number(options.slots),
      sleepMs: Number(options.sleep),
    },
    say,
  );
  await using databases = openDatabases(stack.configuration, 2 * LAY_OUT_AT_ONCE);
  say(`${ships.length} ships, ${ships.length * chunks} cells, one for each chunk`);
  await withConnection(databases.source, { name: 'fairlead/scale', purpose: 'write' }, (client) =>
    fillSource(client, databases.sourceTable, { ships, from: FROM, chunks }),
  );
  const to = formatInstant(parseInstant(FROM) + chunks * CELL_EVERY_HOURS * HOUR_US);
  const layOut = options['no-lay-out'] ? undefined : await layOutAll(databases, ships, to);
  const seconds = Number(options.seconds);
  const request = { from: FROM, to, seconds };
  const sample = seconds > 0 ? await runSample(stack, databases.target, request, say) : undefined;
  const setting = { ships: ships.length, chunksOfShip: chunks, shipsAtOnce, ...numbersOf(options) };
  const report = { setting, ...(layOut && { layOut }), ...(sample && { sample }) };
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${tableOf(report)}\n`);
}

function numbersOf({ workers, slots, sleep }: typeof options) {
  return { workers: Number(workers), slots: Number(slots), sleepMs: Number(sleep) };
}

/** What planning makes in the target goes again: the migration that follows is to begin as the first one. */
async function layOutAll(databases: OpenDatabases, ships: readonly string[], to: string) {
  const request = { from: FROM, to, widthMs: CELL_EVERY_HOURS * 3_600_000, redo: false };
  const requests = ships.map((ship) => ({ ...request, ship }));
  const laidOut = await layOutPlan(databases, requests, LAY_OUT_AT_ONCE);
  say(`${laidOut.chunks} chunks laid out in ${laidOut.layOutSeconds.toFixed(1)} s`);
  await databases.target.query('drop schema fairlead cascade');
  return laidOut;
}
