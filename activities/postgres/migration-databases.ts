import type { Pool } from 'pg';
import type { TableName } from '../../domain/table-name.ts';
import type { ColumnType } from '../../domain/value-format.ts';
import type { ChannelGroup } from '../../domain/wide-layout.ts';
import { CopyBuffer } from './copy-binary.ts';
import type { SourceSlots } from './source-slots.ts';

/** What a migration's activities work with. */
export interface MigrationDatabases {
  source: Pool;
  /** Bound how many chunks are read from it at a time. */
  sourceSlots: SourceSlots;
  sourceTable: TableName;
  target: Pool;
  /** Such as `tenant.tbl_data_timeseries_{ship}_{group}`. */
  targetTemplate: string;
  groups: readonly ChannelGroup[];
  /** Types that the configuration prescribes, by channel. */
  channelTypes: ReadonlyMap<string, ColumnType>;
  buffers: CopyBuffers;
  /** No byte for so long, while the source is not visibly at work, ends an attempt. */
  stallMs: number;
  /** Ends the connections of the activity that works with these databases. */
  signal?: AbortSignal;
}

/** What a buffer holds: a whole chunk, half of one, or a few rows. Each kind keeps its size. */
export type BufferUse = 'chunk' | 'half' | 'rows';

/** Buffers that are used again, so that a worker's memory stays flat. */
export class CopyBuffers {
  private readonly free: Record<BufferUse, CopyBuffer[]> = { chunk: [], half: [], rows: [] };
  private readonly maxBytes: number;

  /** @param maxBytes what one chunk may hold; a chunk with more is split */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  async use<T>(what: BufferUse, work: (buffer: CopyBuffer) => Promise<T>): Promise<T> {
    const free = this.free[what];
    const buffer = free.pop() ?? new CopyBuffer(this.maxBytes);
    buffer.clear();
    try {
      return await work(buffer);
    } finally {
      free.push(buffer);
    }
  }
}
