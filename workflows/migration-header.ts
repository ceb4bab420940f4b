import { TypedSearchAttributes } from '@temporalio/common';
import {
  rangeTitle,
  type MigrateShipInput,
  type MigrationMemo,
} from '../domain/migration-progress.ts';
import { formatDurationMs } from '../domain/time.ts';
import { migrationPhase, percentDone, shipId } from './messages.ts';

export interface MigrationHeader {
  staticSummary: string;
  staticDetails: string;
  memo: MigrationMemo & Record<string, unknown>;
  typedSearchAttributes: TypedSearchAttributes;
}

/** What a migration's start tells the Temporal UI, also while no worker runs. */
export function migrationHeader({ request }: MigrateShipInput): MigrationHeader {
  const { ship, from, to, widthMs, redo } = request;
  const range = from ? rangeTitle({ from, to }) : `oldest cell → ${to}`;
  const width = formatDurationMs(widthMs);
  return {
    staticSummary: `${ship}: ${range}`,
    staticDetails: `Moves the cells of **${ship}** from the narrow table into wide tables, in chunks of ${width}${redo ? ', proven ones too' : ''}.`,
    memo: { requested: request },
    typedSearchAttributes: new TypedSearchAttributes([
      { key: shipId, value: ship },
      { key: migrationPhase, value: 'planning' },
      { key: percentDone, value: 0 },
    ]),
  };
}
