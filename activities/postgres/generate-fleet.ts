import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

import {
  blocksOf,
  countCells,
  makeUpFleet,
  shipMinutes,
  type Block,
  type Fleet,
} from '../../domain/made-up-fleet.ts';
import type { TableName } from '../../domain/table-name.ts';
import { formatInstant, HOUR_US, MINUTE_US, SECOND_US } from '../../domain/time.ts';
import { COPY_HEADER, COPY_TRAILER } from './copy-binary.ts';
import { findMissingBlocks } from './missing-blocks.ts';
import { encodedColumns, ShipEncoder } from './narrow-row-encoder.ts';
import { quoteTable } from './narrow-table.ts';

export interface FleetRequest {
  ships: number;
  hours: number;
  /** Epoch microseconds, on the 15 s grid. */
  fromUs: number;
  seed: number;
  channels: readonly string[];
  /** Only for a table that was made or truncated in this transaction. */
  freeze?: boolean;
  signal?: AbortSignal | undefined;
}

export interface FleetResult {
  ships: string[];
  /** ISO 8601, half-open. */
  from: string;
  to: string;
  /** Cells that the fleet has now; those made in this call are `generated`. */
  cells: number;
  generated: number;
}

const SHORE_DELAY_US = 61 * SECOND_US;

/**
 * Puts a made-up fleet into the narrow table, laid out as the real ships' data: minute after minute, ships
 * interleaved, four samples of every channel together. Runs in the caller's transaction. Hours that are there
 * already, made with the same seed, are left alone.
 *
 * @throws {FairleadError} `import-invalid` when a ship has other data in the range
 */
export async function generateFleet(
  client: ClientBase,
  table: TableName,
  request: FleetRequest,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<FleetResult> {
  const fleet = makeUpFleet(request.ships, request.channels, request.seed);
  const toUs = request.fromUs + Math.round(request.hours * HOUR_US);
  const blocks = blocksOf([...fleet.keys()], request.fromUs, toUs);
  const missing = await findMissingBlocks(client, table, fleet, blocks);
  const total = countCells(missing, fleet);
  if (total > 0) {
    const tuples = encodeBlocks(missing, fleet, (done) => onProgress(done, total));
    await pipeline(
      Readable.from(tuples),
      client.query(copyFrom(copyStatement(table, request.freeze))),
    );
  }
  return {
    ships: [...fleet.keys()],
    from: formatInstant(request.fromUs),
    to: formatInstant(toUs),
    cells: countCells(blocks, fleet),
    generated: total,
  };
}

const copyStatement = (table: TableName, freeze = false): string =>
  `copy ${quoteTable(table)} (${encodedColumns.join(', ')})
   from stdin (format binary, freeze ${freeze})`;

/** Ship-minutes in order of time, the ships of one minute one after the other. */
function* encodeBlocks(
  blocks: Block[],
  fleet: Fleet,
  onProgress: (done: number) => void,
): Generator<Buffer> {
  const encoders = new Map(
    [...fleet].map(([ship, channels]) => [ship, new ShipEncoder(ship, channels)]),
  );
  let done = 0;
  yield COPY_HEADER;
  for (const minute of shipMinutes(blocks)) {
    const serverUs = Math.floor(minute.fromUs / MINUTE_US) * MINUTE_US + SHORE_DELAY_US;
    yield encoders.get(minute.ship)!.encode(minute.fromUs, minute.toUs, serverUs);
    onProgress((done += countCells([minute], fleet)));
  }
  yield COPY_TRAILER;
}
