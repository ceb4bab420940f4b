import type { Pool, PoolClient } from 'pg';
import type { MigrationDatabases } from '../migration-databases.ts';
import { withConnection } from '../connection.ts';
import { findInstallation, prepareSchema } from '../fairlead-schema.ts';
import { choosePath } from './choose-path.ts';
import { notePosition, stillWriting, type SourcePosition } from './source-position.ts';
import { ledgerOf } from '../ledger-schema.ts';

/** So long a plan waits for those who were writing when it noted how far the source has come. */
export const WRITERS_PATIENCE_MS = 2_000;

/**
 * How far the source had come, and what that is good for. What lies before the position was there, or has been
 * compared since, for each chunk whose read began at or after `settled_at`. Between `noted_at` and `settled_at` someone
 * was writing who had begun before: chunks that were read then are compared as a whole. Earlier ones are not covered.
 */
export interface LateMark {
  position: SourcePosition;
  isSettled: boolean;
}

/** The mark of a ship; undefined where none was noted. */
export async function loadMark(client: PoolClient, ship: string): Promise<LateMark | undefined> {
  const found = await findInstallation(client);
  if ((found?.version ?? 0) < 2) return undefined;
  const { rows } = await client.query(
    `select position, settled_at is not null as "isSettled" from ${ledgerOf(client)}.late_mark where ship_id = $1`,
    [ship],
  );
  return rows[0];
}

/**
 * Notes how far the source has come before any chunk of a ship is read, unless that was noted before: what comes later is
 * found from there. A mark from which nothing can be told any more gives way to a new one, which covers later chunks only.
 */
export async function ensureMark(databases: MigrationDatabases, ship: string): Promise<void> {
  const { target, signal } = databases;
  const name = `fairlead/late/${ship}`;
  const known = await withConnection(target, { name, signal }, async (client) => {
    await prepareSchema(client);
    return loadMark(client, ship);
  });
  const position = await noteSource(databases, ship, known ? 0 : WRITERS_PATIENCE_MS);
  if (known && !isOutdone(known.position, position)) return;
  await withConnection(target, { name, signal }, (client) => replaceMark(client, ship, position));
}

/** Notes a position where none is, and tells whether whoever reads from now on sees all that lies before it. */
export async function isPositionSettled(
  databases: MigrationDatabases,
  ship: string,
): Promise<boolean> {
  await ensureMark(databases, ship);
  const mark = await withConnection(databases.target, { name: `fairlead/late/${ship}` }, (client) =>
    loadMark(client, ship),
  );
  return mark !== undefined && (await settleMark(databases, ship, mark)).length === 0;
}

/** Nothing can be told from the noted position any more, or never could, and something can from this one. */
const isOutdone = (noted: SourcePosition, now: SourcePosition): boolean =>
  'reasons' in choosePath(noted, now) && 'parts' in choosePath(now, now);

export function noteSource(
  { source, sourceTable, signal }: MigrationDatabases,
  ship: string,
  patienceMs: number,
): Promise<SourcePosition> {
  const noting = { name: `fairlead/late/${ship}`, purpose: 'probe', signal } as const;
  return withConnection(source, noting, (client) => notePosition(client, sourceTable, patienceMs));
}

/** The clock is the target's, which dates the proofs too. */
async function replaceMark(
  client: PoolClient,
  ship: string,
  position: SourcePosition,
): Promise<void> {
  await client.query(
    `insert into ${ledgerOf(client)}.late_mark as m (ship_id, position, noted_at, settled_at)
     select $1, $2, now, case when $3 then now end from clock_timestamp() as now
     on conflict (ship_id) do update
        set position = excluded.position, noted_at = excluded.noted_at, settled_at = excluded.settled_at`,
    [ship, JSON.stringify(position), position.writers.length === 0],
  );
}

/**
 * Asks whether those who were writing when a ship's position was noted have ended, and writes down when that was found.
 *
 * @returns those who have not
 */
export async function settleMark(
  databases: MigrationDatabases,
  ship: string,
  mark: LateMark | undefined,
): Promise<SourcePosition['writers']> {
  if (!mark || mark.isSettled) return [];
  const { source, target, signal } = databases;
  const asking = { name: `fairlead/late/${ship}`, purpose: 'probe', signal } as const;
  const writers = await withConnection(source, asking, (client) =>
    stillWriting(client, mark.position),
  );
  if (writers.length === 0)
    await updateMark(target, ship, 'settled_at = coalesce(settled_at, clock_timestamp())');
  return writers;
}

/** After a look that found all in its place: what lies before `position` needs no other. */
export async function advanceMark(
  target: Pool,
  ship: string,
  position: SourcePosition,
): Promise<void> {
  await updateMark(target, ship, 'position = $2, settled_at = noted_at', [
    JSON.stringify(position),
  ]);
}

/** After a comparison of all that a ship has, begun when the mark was settled, that found nothing missing. */
export const coverAll = (target: Pool, ship: string): Promise<void> =>
  updateMark(target, ship, `noted_at = '-infinity', settled_at = '-infinity'`);

async function updateMark(
  target: Pool,
  ship: string,
  change: string,
  values: unknown[] = [],
): Promise<void> {
  await withConnection(target, { name: `fairlead/late/${ship}` }, (client) =>
    client.query(`update ${ledgerOf(client)}.late_mark set ${change} where ship_id = $1`, [
      ship,
      ...values,
    ]),
  );
}
