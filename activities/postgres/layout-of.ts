import { FairleadError } from '../../domain/errors.ts';
import { fillTableTemplate, formatTableName, type TableName } from '../../domain/table-name.ts';
import type { LayoutOptions } from '../../domain/wide-layout.ts';
import type { MigrationDatabases } from './migration-databases.ts';

const MAX_NAME_BYTES = 63;

/** How a ship's channels are laid out in wide tables. */
export function layoutOf(
  { groups, targetTemplate }: MigrationDatabases,
  ship: string,
): LayoutOptions {
  return {
    groups,
    oneTablePerGroup: targetTemplate.includes('{group}'),
    tableName: (group, letter) =>
      requireShortName(fillTableTemplate(targetTemplate, ship, `${group}${letter}`), ship),
  };
}

function requireShortName(table: TableName, ship: string): string {
  const text = formatTableName(table);
  const bytes = Buffer.byteLength(table.name);
  if (bytes <= MAX_NAME_BYTES) return text;
  throw new FairleadError(
    'config-invalid',
    `${ship}: the wide table's name ${text} has ${bytes} bytes, PostgreSQL keeps ${MAX_NAME_BYTES}`,
    { hint: 'Use a shorter table under [target] in fairlead.toml.' },
  );
}
