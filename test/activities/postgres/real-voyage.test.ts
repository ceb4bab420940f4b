import { join } from 'node:path';
import { expect, it } from 'vitest';
import { importCells } from '../../../activities/postgres/import-cells.ts';
import { planChunks } from '../../../activities/postgres/plan-chunks.ts';
import { summarizeShip } from '../../../activities/postgres/summarize-ship.ts';
import { verifyBatch } from '../../../activities/postgres/verify-batch.ts';
import { packageRoot } from '../../../workers/configuration/package-root.ts';
import {
  MAJORS,
  copy,
  migrationLab,
  narrowCells,
  planAndPrepare,
  wideCells,
} from '../../migration-databases.ts';
import { describeSource } from '../../../activities/postgres/narrow-table.ts';

const ship = 'IMO9074729';

it.each(MAJORS)(
  'the real voyage, 74,446 instants and 32 channels, arrives whole on PostgreSQL %i',
  async (major) => {
    await using lab = await migrationLab({ major, separate: true });
    const client = await lab.sourceDatabase.pool.connect();
    await client.query('begin');
    await importCells(
      client,
      await describeSource(client, lab.sourceTable, ['insert']),
      join(packageRoot, 'data', 'plaka.csv.gz'),
    );
    await client.query('commit');
    client.release();
    const plan = await planAndPrepare(lab, { ship, to: '2014-06-01T16:00:00Z' });
    expect(plan).toMatchObject({ from: '2014-06-01T08:00:00.000Z', chunks: 4 });
    const { chunks } = await planChunks(lab, { plan, cursor: plan.from });
    expect(chunks).toHaveLength(4);
    for (const chunk of chunks) await copy(lab, plan, chunk);
    expect(await summarizeShip(lab, plan)).toMatchObject({
      phase: 'finished',
      verified: true,
      cells: { read: 210_133, written: 210_133, nulls: 0, quarantined: 0 },
    });
    expect(await wideCells(lab, ship)).toEqual(await narrowCells(lab, ship));
    const signal = new AbortController().signal;
    expect(await verifyBatch(lab, plan, { signal })).toMatchObject({
      source: 210_133,
      matched: 210_133,
      missing: 0,
      different: 0,
      extra: 0,
    });
  },
);
