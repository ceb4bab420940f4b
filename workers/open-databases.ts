import type { Logger } from 'pino';
import { closePool, openPool } from '../activities/postgres/connection.ts';
import {
  CopyBuffers,
  type MigrationDatabases,
} from '../activities/postgres/migration-databases.ts';
import { SourceSlots } from '../activities/postgres/source-slots.ts';
import { formatTableName } from '../domain/table-name.ts';
import { columnTypeOfFormat } from '../domain/value-format.ts';
import type { Configuration } from './configuration.ts';
import { resolveDatabase } from './resolve-database.ts';

export type OpenDatabases = MigrationDatabases & AsyncDisposable;

/**
 * Opens pools for what the activities work with; nothing is connected yet.
 *
 * @param maxConnections to each database; the configuration's for a worker, unless told otherwise
 * @param log is told of settings that a database refuses
 * @throws {FairleadError} `stack-absent`, `config-invalid`
 */
export function openDatabases(
  configuration: Configuration,
  maxConnections = configuration.worker.poolSize,
  log?: Logger,
): OpenDatabases {
  const { migration, connections, channelGroups } = configuration;
  const open = (role: 'source' | 'target') => {
    const { url, passwordFile } = resolveDatabase(configuration, role);
    return openPool({
      url,
      passwordFile,
      role,
      maxConnections,
      installation: migration.installation,
      timing: connections,
      log: log && { warn: (message, fields) => log.warn(fields, message) },
    });
  };
  const [source, target] = [open('source'), open('target')];
  const types = Object.entries(migration.channelTypes);
  return {
    source,
    target,
    sourceSlots: new SourceSlots(configuration.source.chunksInFlight),
    sourceTable: configuration.source.table,
    targetTemplate: formatTableName(configuration.target.table),
    groups: channelGroups.map((group) => ({ ...group, channels: new Set(group.channels) })),
    channelTypes: new Map(types.map(([name, format]) => [name, columnTypeOfFormat[format]])),
    buffers: new CopyBuffers(migration.maxBufferBytes),
    stallMs: configuration.stallAfterMs,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([closePool(source), closePool(target)]);
    },
  };
}
