import { EXCESSIVE_QUARANTINE } from '../../domain/classify-cell.ts';
import type { ChunkQuarantine } from '../../domain/migration.ts';
import type { BookedChunk } from './book-cells.ts';

/** What of a chunk goes to quarantine; undefined where nothing does, which is nearly always. */
export function quarantineOf({
  quarantined,
  written,
}: Pick<BookedChunk, 'quarantined' | 'written'>): ChunkQuarantine | undefined {
  if (quarantined.length === 0) return undefined;
  const byReason: ChunkQuarantine['cells'] = {};
  const byChannel = new Map<string, number>();
  for (const { cell, reason } of quarantined) {
    byReason[reason] = (byReason[reason] ?? 0) + 1;
    byChannel.set(cell.channel, (byChannel.get(cell.channel) ?? 0) + 1);
  }
  const others = new Map(written.map(({ column, fields }) => [column.channel, fields.length]));
  const isExcessive = ([channel, cells]: [string, number]) =>
    cells > EXCESSIVE_QUARANTINE * (cells + (others.get(channel) ?? 0));
  return { cells: byReason, excessiveChannels: [...byChannel].filter(isExcessive).length };
}
