import { formatBytes } from '../../../domain/format-figures.ts';
import { checksOf, type Check } from '../../../domain/preflight.ts';
import type { TableName } from '../../../domain/table-name.ts';
import { pathFromNowOn } from '../late/choose-path.ts';
import { indexesForLate } from '../late/find-late-cells.ts';
import { describePosition } from '../late/source-position.ts';
import { look, type Deadline, type Side } from './look.ts';

const BYTES_PER_ENTRY = 22;
const { good, look: toLookAt } = checksOf('source table', 'source');

const WAYS = {
  id: 'found by the index on id',
  blocks:
    'found in the blocks that are added, but not in gaps of older ones, and only until the table is vacuumed',
  server_created_time: 'found by the index on server_created_time, within an hour of the stamp',
};

/** Whether cells that reach the source after their chunk was copied could be found without reading all. */
export async function checkLate(
  { pool }: Side,
  table: TableName,
  deadline: Deadline,
): Promise<Check> {
  const now = await look(pool, deadline, (client) => describePosition(client, table));
  const path = pathFromNowOn(now);
  if ('parts' in path && path.by !== 'blocks') return good('late cells', WAYS[path.by]);
  const found =
    'parts' in path ? WAYS.blocks : `only fairlead verify finds them: ${path.reasons.join('; ')}`;
  const indexes = indexesForLate(now.leaves);
  if (indexes.length === 0 || !now.hasOrderlyIds) return toLookAt('late cells', found);
  const size = formatBytes(now.rows * BYTES_PER_ENTRY);
  return toLookAt('late cells', `${found}; an index takes about ${size}`, indexes.join(' '));
}
