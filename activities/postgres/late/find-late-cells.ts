import type { PoolClient } from 'pg';
import type { Span } from '../../../domain/chunk-planning.ts';
import { FairleadError } from '../../../domain/errors.ts';
import type { LateChunk, LateLook } from '../../../domain/late-cells.ts';
import type { Difference, InstantRange } from '../../../domain/migration.ts';
import { rangeOf, spanOf } from '../../../domain/migration-progress.ts';
import { formatTableName, type TableName } from '../../../domain/table-name.ts';
import { formatInstant, parseInstant } from '../../../domain/time.ts';
import { MAX_DIFFERENCES } from '../../../domain/verification.ts';
import { withConnection } from '../connection.ts';
import type { MigrationDatabases } from '../migration-databases.ts';
import { resolveTables } from '../read-wide.ts';
import { verifyInParts } from '../verify-batch.ts';
import { choosePath, positionAfter, type ChosenPath } from './choose-path.ts';
import { findAbsentCells, type WideTables } from './find-absent-cells.ts';
import { advanceMark, loadMark, noteSource, settleMark, WRITERS_PATIENCE_MS } from './late-mark.ts';
import { readNewCells, type NewCell } from './read-new-cells.ts';
import type { SourcePosition } from './source-position.ts';
import { ledgerOf } from '../ledger-schema.ts';
import { shellWord } from '../../../domain/shell-word.ts';

/** A proven chunk, and whether it was read before the noted position was known to be final. */
interface Proof extends Span {
  standing: 'covered' | 'doubtful' | 'uncovered';
}

export interface LookOptions extends Partial<InstantRange> {
  /** Makes chunks that lack cells open again, so that they are no proofs; answers whether it did so with all of them. */
  reopen?: (chunks: readonly LateChunk[]) => Promise<boolean>;
}

/**
 * Looks for cells of a ship that reached the source after their chunk was copied, and reads only what may be new. Where
 * no proof lacks cells any more, the next look begins where this one began.
 *
 * @param options `from`, `to`: only cells of these instants; the next look begins where the last one did
 * @throws {FairleadError} `late-not-findable` where nothing shows what is new, `ship-unknown` for a ship without proofs
 * @see docs/migration.md#late
 */
export async function findLateCells(
  databases: MigrationDatabases,
  ship: string,
  options: LookOptions = {},
): Promise<LateLook> {
  const { target, signal } = databases;
  const using = { name: `fairlead/late/${ship}`, signal };
  const mark = await withConnection(target, using, (client) => loadMark(client, ship));
  if (!mark) throw nothingNoted(ship);
  const now = await noteSource(databases, ship, WRITERS_PATIENCE_MS);
  const path = choosePath(mark.position, now);
  if ('reasons' in path) throw notFindable(ship, path.reasons, now, databases.sourceTable);
  const writers = await settleMark(databases, ship, mark);
  const known = await withConnection(target, using, async (client) => ({
    isBusy: await isBeingCopied(client, ship),
    proofs: await listProofs(client, ship),
    tables: await resolveTables(client, ship),
  }));
  const search = new LateSearch(databases, ship, limit(known.proofs, options), known.tables);
  if (writers.length === 0) await search.compareDoubtful();
  await search.readNew(path);
  const look = search.report(
    path.by,
    writers.map(({ pid }) => pid),
  );
  const isWhole = options.from === undefined && options.to === undefined;
  const isFinal = now.writers.length === 0 && writers.length === 0 && !known.isBusy;
  const areInPlace = look.chunks.length === 0 || ((await options.reopen?.(look.chunks)) ?? false);
  if (isWhole && isFinal && areInPlace)
    await advanceMark(target, ship, positionAfter(path.by, mark.position, now));
  return look;
}

/** A chunk in flight may have been read before what this look sees, and is no proof yet that it could be compared with. */
async function isBeingCopied(client: PoolClient, ship: string): Promise<boolean> {
  const { rows } = await client.query(
    `select exists (select from ${ledgerOf(client)}.chunk where ship_id = $1 and status = 'running' and attempts > 0) as busy`,
    [ship],
  );
  return rows[0].busy;
}

const limit = (proofs: readonly Proof[], range: Partial<InstantRange> = {}): Proof[] =>
  proofs.filter(
    ({ fromUs, toUs }) =>
      (range.from === undefined || toUs > parseInstant(range.from)) &&
      (range.to === undefined || fromUs < parseInstant(range.to)),
  );

/** A chunk that probes found empty was looked at some time before that was written down. */
async function listProofs(client: PoolClient, ship: string): Promise<Proof[]> {
  const { rows } = await client.query(
    `select from_time::text as from, to_time::text as to,
            case when begun < noted_at then 'uncovered'
                 when settled_at is null or begun - case when attempts = 0 then interval '1 hour' else interval '0' end < settled_at
                  and settled_at > noted_at then 'doubtful'
                 else 'covered' end as standing
       from (select c.*, committed_at - coalesce(seconds, 0) * interval '1 second' as begun
               from ${ledgerOf(client)}.chunk c where ship_id = $1 and status in ('done', 'empty')) as proof
       join ${ledgerOf(client)}.late_mark using (ship_id)
      order by from_time`,
    [ship],
  );
  return rows.map((row) => ({ ...spanOf(row), standing: row.standing }));
}

/** Gathers what is missing, chunk by chunk. */
class LateSearch {
  private readonly databases: MigrationDatabases;
  private readonly ship: string;
  private readonly proofs: readonly Proof[];
  private readonly tables: WideTables;
  private readonly cells = { source: 0, matched: 0, missing: 0, quarantined: 0 };
  private readonly lateOf = new Map<Proof, number>();
  private differences: Difference[] = [];
  private readonly compared = new Set<Proof>();

  constructor(
    databases: MigrationDatabases,
    ship: string,
    proofs: readonly Proof[],
    tables: WideTables,
  ) {
    this.databases = databases;
    this.ship = ship;
    this.proofs = proofs;
    this.tables = tables;
  }

  /** What was read while someone was writing who had begun before is compared as a whole. */
  async compareDoubtful(): Promise<void> {
    const signal = this.databases.signal ?? new AbortController().signal;
    for (const proof of this.proofs.filter(({ standing }) => standing === 'doubtful')) {
      const key = { ...proof, ship: this.ship };
      const found = await verifyInParts(this.databases, key, signal);
      this.compared.add(proof);
      this.cells.source += found.source;
      this.cells.matched += found.source - found.missing;
      this.cells.quarantined += found.quarantined;
      const missing = found.differences.filter(({ what }) => what.startsWith('not in the target'));
      this.addMissing(proof, found.missing, missing);
    }
  }

  async readNew({ parts }: Extract<ChosenPath, { parts: unknown }>): Promise<void> {
    const [first, last] = [this.proofs[0], this.proofs.at(-1)];
    if (!first || !last) return;
    const toUs = this.proofs.reduce((latest, proof) => Math.max(latest, proof.toUs), last.toUs);
    const span = { fromUs: first.fromUs, toUs };
    await readNewCells(this.databases, this.ship, span, parts, (cells) => this.compare(cells));
  }

  private async compare(cells: readonly NewCell[]): Promise<void> {
    const { target, buffers, signal } = this.databases;
    const using = { name: `fairlead/late/${this.ship}`, purpose: 'read', signal } as const;
    const byProof = this.byProof(cells);
    if (byProof.size === 0) return;
    await withConnection(target, using, (client) =>
      buffers.use('rows', async (scratch) => {
        for (const [proof, members] of byProof) {
          const found = await findAbsentCells(client, this.ship, this.tables, members, scratch);
          this.cells.source += members.length;
          this.cells.matched += members.length - found.absent.length;
          this.cells.quarantined += found.quarantined;
          const named = found.absent.map(({ channel, us }) => nameMissing(channel, us));
          this.addMissing(proof, found.absent.length, named);
        }
      }),
    );
  }

  /** Cells outside proven chunks are not late: their chunks are still to be copied. */
  private byProof(cells: readonly NewCell[]): Map<Proof, NewCell[]> {
    const groups = new Map<Proof, NewCell[]>();
    for (const cell of cells) {
      const proof = this.proofOf(cell.us);
      if (!proof || this.compared.has(proof)) continue;
      const members = groups.get(proof);
      if (members) members.push(cell);
      else groups.set(proof, [cell]);
    }
    return groups;
  }

  /** Proofs do not overlap. */
  private proofOf(us: number): Proof | undefined {
    let [low, high] = [0, this.proofs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.proofs[middle]!.toUs <= us) low = middle + 1;
      else high = middle;
    }
    const proof = this.proofs[low];
    return proof && proof.fromUs <= us ? proof : undefined;
  }

  private addMissing(proof: Proof, missing: number, named: readonly Difference[]): void {
    if (missing === 0) return;
    this.cells.missing += missing;
    this.lateOf.set(proof, (this.lateOf.get(proof) ?? 0) + missing);
    this.differences = [...this.differences, ...named.slice(0, MAX_DIFFERENCES)]
      .toSorted((a, b) => parseInstant(a.at) - parseInstant(b.at))
      .slice(0, MAX_DIFFERENCES);
  }

  report(by: LateLook['by'], writers: number[]): LateLook {
    const spans = this.proofs.length > 0 ? this.proofs : [{ fromUs: 0, toUs: 0 }];
    const { from } = rangeOf(spans[0]!);
    const to = formatInstant(spans.reduce((latest, { toUs }) => Math.max(latest, toUs), 0));
    const chunks: LateChunk[] = this.proofs.flatMap((proof) => {
      const cells = this.lateOf.get(proof);
      return cells === undefined ? [] : [{ ...rangeOf(proof), cells }];
    });
    const uncovered = this.proofs.filter(({ standing }) => standing === 'uncovered').length;
    const { ship, cells, differences } = this;
    return { ship, from, to, by, cells, chunks, differences, writers, uncovered };
  }
}

const nameMissing = (channel: string, us: number): Difference => ({
  at: formatInstant(us),
  channel,
  what: 'came late, and is not in the target',
});

const nothingNoted = (ship: string) =>
  new FairleadError(
    'late-not-findable',
    `${ship}: nothing tells what of the source is new, because no migration has noted how far it had come`,
    {
      hint: `fairlead verify ${shellWord(ship)} finds late cells too: it reads all, and notes it.`,
    },
  );

const notFindable = (
  ship: string,
  reasons: readonly string[],
  now: SourcePosition,
  table: TableName,
) =>
  new FairleadError(
    'late-not-findable',
    `${ship}: nothing tells what of ${formatTableName(table)} is new: ${reasons.join('; ')}`,
    { hint: `Only fairlead verify ${shellWord(ship)} finds late cells${helpOf(reasons, now)}.` },
  );

function helpOf(reasons: readonly string[], { leaves }: SourcePosition): string {
  if (reasons[0] !== 'no index on id') return '';
  return `; for quick looks, from now on too, on the source: ${indexesForLate(leaves).join(' ')} That takes about 22 bytes a row, and blocks no writer`;
}

/** The statements that make quick looks possible: a partitioned table as a whole takes none that blocks nobody. */
export const indexesForLate = (leaves: SourcePosition['leaves']): string[] =>
  leaves
    .filter(({ idIndex }) => idIndex === null)
    .map(({ name }) => `create index concurrently on ${name} (id);`);
