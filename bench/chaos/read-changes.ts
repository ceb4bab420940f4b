import { ask } from './ask.ts';
import type { Commit } from './judge-commits.ts';

/** What the ledger went through, by a trigger on it. */
export interface LedgerChanges {
  /** In the order of their time. */
  commits: Commit[];
  /** Attempts, by chunk: when each began, and when the chunk was settled after it. */
  attempts: { ship: string; claimedAtMs: number; settledAtMs: number | undefined }[];
  splits: number;
}

interface Row {
  ship: string;
  from_ms: number;
  to_ms: number;
  at_ms: number;
  became: string;
  was: string | null;
  is_claim: boolean;
  is_proof: boolean;
}

export async function readChanges(url: string): Promise<LedgerChanges> {
  const rows = await ask<Row>(
    url,
    `select ship, extract(epoch from from_time)::float8 * 1000 as from_ms, extract(epoch from to_time)::float8 * 1000 as to_ms,
            extract(epoch from at)::float8 * 1000 as at_ms, was, became, is_claim, is_proof
       from chaos.change order by at, number`,
  );
  const open = new Map<string, LedgerChanges['attempts'][number]>();
  const changes: LedgerChanges = { commits: [], attempts: [], splits: 0 };
  for (const row of rows) {
    const chunk = `${row.ship} ${row.from_ms} ${row.to_ms}`;
    const { ship, at_ms: atMs } = row;
    if (row.is_proof) changes.commits.push({ ship, fromMs: row.from_ms, toMs: row.to_ms, atMs });
    if (row.became === 'split' && row.was !== 'split') changes.splits++;
    const pending = open.get(chunk);
    if (row.is_claim && row.became !== 'split' && !pending) {
      const attempt = { ship, claimedAtMs: atMs, settledAtMs: undefined };
      open.set(chunk, attempt);
      changes.attempts.push(attempt);
    } else if (pending && (row.is_proof || ['split', 'failed'].includes(row.became))) {
      pending.settledAtMs = atMs;
      open.delete(chunk);
    }
  }
  return changes;
}
