import { dirname, resolve } from 'node:path';
import type { ConnectionTiming } from '../domain/connection-timing.ts';
import type { MigrationTiming } from '../domain/migration-timing.ts';
import type { SourceLimits } from '../domain/source-allowance.ts';
import { checkDigitWarning } from '../domain/ship.ts';
import type { TableName } from '../domain/table-name.ts';
import type { ValueFormat } from '../domain/value-format.ts';
import { withTlsOf } from '../activities/postgres/tls-of-url.ts';
import { crossFaults } from './configuration/cross-faults.ts';
import { databaseFaults } from './configuration/database-faults.ts';
import {
  misspelledVariables,
  overlayEnvironment,
  variableOf,
  type Environment,
} from './configuration/environment.ts';
import { sensorFileFaults } from './configuration/sensor-file-faults.ts';
import { faultsOf, invalidConfiguration, type Fault } from './configuration/faults.ts';
import type { KeyPath } from './configuration/locate-keys.ts';
import {
  readChannelGroups,
  unreadableFiles,
  type ChannelGroup,
} from './configuration/read-channel-groups.ts';
import { readPayloadKeys } from './configuration/read-payload-keys.ts';
import { PayloadCipher } from './payload-cipher.ts';
import { readDocument } from './configuration/read-document.ts';
import { configurationSchema, type ConfigurationFile } from './configuration/schema.ts';

export type { ChannelGroup };
export { nearestShip } from './configuration/nearest.ts';

export interface DatabaseConfiguration {
  /** May bear a password: never shown, never an argument of a workflow. */
  url: string | undefined;
  /** Absolute. */
  passwordFile: string | undefined;
  table: TableName;
}

export interface SourceConfiguration extends DatabaseConfiguration, SourceLimits {
  /** Over all workers. */
  chunksInFlight: number;
  lookEveryMs: number;
}

export interface SensorConfiguration {
  name: string;
  url: string;
  profile: 'listener' | 'client';
  stream: 'output' | 'points';
  rest: string | undefined;
  /** Absolute. */
  out: string;
  rotateEveryMs: number;
  rotateBytes: number;
  /** Of all recordings of this sensor together; undefined: what the disk allows. */
  keepBytes: number | undefined;
  silentAfterMs: number;
  /** Absolute, as `cert` and `key`. */
  ca: string | undefined;
  cert: string | undefined;
  key: string | undefined;
}

/** What `fairlead.toml`, the environment and the defaults say together; checked as a whole, read once. */
export interface Configuration {
  /** Absolute; undefined where no file was read. */
  file: string | undefined;
  /** Where the embedded servers keep their data. */
  home: string;
  /** Neither source nor target is configured: both are the embedded PostgreSQL. */
  local: boolean;
  source: SourceConfiguration;
  /** The table's name is a template with `{ship}` and `{group}`. */
  target: DatabaseConfiguration;
  /** Encrypts what Temporal is told, where there are keys. */
  payloads: PayloadCipher;
  migration: {
    widthMs: number;
    window: number;
    installation: string | undefined;
    maxBufferBytes: number;
    channelTypes: Record<string, ValueFormat>;
  };
  fleet: { ships: string[]; shipsAtOnce: number };
  channelGroups: ChannelGroup[];
  sensors: SensorConfiguration[];
  worker: {
    chunkSlots: number;
    poolSize: number;
    /** Undefined: as many as there are sensors. */
    sensorSlots: number | undefined;
    /** Undefined: workers have no versions. */
    deployment: string | undefined;
    /** How long a connection is held while Temporal is away: another worker may have been told to dial. */
    holdAloneMs: number;
  };
  timing: MigrationTiming;
  connections: ConnectionTiming;
  /** No byte for so long, from a server that is not working, ends an attempt. */
  stallAfterMs: number;
  /** Undefined ports are chosen when the servers start. */
  stack: {
    postgresPort: number | undefined;
    temporalPort: number | undefined;
    temporalUiPort: number | undefined;
  };
  metrics: { address: string; port: number | undefined; lookEveryMs: number };
  /** Sentences for the operator about what is strange but no fault. */
  warnings: string[];
}

export interface ConfigurationInput {
  /** Must exist when it is given; without it, `fairlead.toml` in `folder` is read if it is there. */
  file?: string | undefined;
  folder?: string;
  environment?: Environment;
}

/**
 * Reads and checks the whole configuration.
 *
 * @throws {FairleadError} `config-invalid`, with every fault and its line
 */
export function loadConfiguration({
  file,
  folder = process.cwd(),
  environment = process.env,
}: ConfigurationInput = {}): Configuration {
  const document = readDocument(file, folder);
  const content = overlayEnvironment(document.content, environment);
  const base = document.file === undefined ? folder : dirname(document.file);
  const parsed = configurationSchema.safeParse(content);
  const groups = readGroups(content, base);
  const payloads = readPayloads(content['temporal'], base);
  const faults = [
    ...(parsed.success ? [] : faultsOf(parsed.error)),
    ...crossFaults(content),
    ...databaseFaults(content, base, environment),
    ...sensorFileFaults(content['sensors'], base),
    ...groups.faults,
    ...payloads.faults,
    ...misspelledVariables(environment),
  ];
  if (parsed.success && faults.length === 0) {
    return {
      ...assemble(parsed.data, groups.groups, base, document.file, environment),
      payloads: payloads.cipher,
    };
  }
  const placeOf = (path: KeyPath) => variableOf(path, environment) ?? document.lineOf(path);
  throw invalidConfiguration(document.name, faults, placeOf);
}

function readPayloads(temporal: unknown, base: string): { cipher: PayloadCipher; faults: Fault[] } {
  const { payloadKeys } = configurationSchema.shape.temporal.safeParse(temporal ?? {}).data ?? {};
  const file = payloadKeys && resolve(base, payloadKeys);
  try {
    return { cipher: new PayloadCipher(file ? readPayloadKeys(file) : [], file), faults: [] };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const fault = { path: ['temporal', 'payloadKeys'], message: error.message };
    return { cipher: new PayloadCipher([], file), faults: [fault] };
  }
}

/** Where a group has faults of its own, of the others only the files are looked at. */
function readGroups(content: Record<string, unknown>, base: string) {
  const parsed = configurationSchema.shape.channelGroups.safeParse(content['channelGroups']);
  if (parsed.success) return readChannelGroups(parsed.data, base);
  return { groups: [], faults: unreadableFiles(content['channelGroups'], base) };
}

function assemble(
  data: ConfigurationFile,
  channelGroups: ChannelGroup[],
  base: string,
  file: string | undefined,
  environment: Environment,
): Omit<Configuration, 'payloads'> {
  const { source, target, migration, fleet, stack, metrics } = data;
  const home = environment['FAIRLEAD_HOME']?.trim();
  return {
    file,
    home: home ? resolve(home) : resolve(base, '.fairlead'),
    local: source.url === undefined && target.url === undefined,
    source: { ...databaseOf(source, base, environment), ...sparingOf(source) },
    target: databaseOf(target, base, environment),
    migration: {
      widthMs: migration.width,
      window: migration.window,
      installation: migration.installation,
      maxBufferBytes: migration.maxBufferBytes,
      channelTypes: migration.channelTypes,
    },
    fleet,
    channelGroups,
    sensors: data.sensors.map((sensor) => sensorOf(sensor, base)),
    worker: workerOf(data.worker),
    timing: timingOf(data.timing),
    connections: connectionsOf(data.timing),
    stallAfterMs: data.timing.stallAfter,
    stack: {
      postgresPort: stack.postgresPort,
      temporalPort: stack.temporalPort,
      temporalUiPort: stack.temporalUiPort,
    },
    metrics: {
      address: metrics.address,
      port: metrics.port,
      lookEveryMs: metrics.lookEvery,
    },
    warnings: fleet.ships.flatMap((ship) => checkDigitWarning(ship) ?? []),
  };
}

const databaseOf = (
  { url, passwordFile, table }: ConfigurationFile['target'],
  base: string,
  environment: Environment,
): DatabaseConfiguration => ({
  url: url && withTlsOf(url, environment, base),
  passwordFile: passwordFile && resolve(base, passwordFile),
  table,
});

const sparingOf = (source: ConfigurationFile['source']) => ({
  chunksInFlight: source.chunksInFlight,
  maxLatencyMs: source.maxLatency,
  maxActive: source.maxActive,
  maxReplicationLagMs: source.maxReplicationLag,
  lookEveryMs: source.lookEvery,
});

const workerOf = (worker: ConfigurationFile['worker']): Configuration['worker'] => ({
  chunkSlots: worker.chunkSlots,
  poolSize: worker.poolSize,
  sensorSlots: worker.sensorSlots,
  deployment: worker.deployment,
  holdAloneMs: worker.holdAlone,
});

const timingOf = (timing: ConfigurationFile['timing']): MigrationTiming => ({
  chunkTimeoutMs: timing.chunkTimeout,
  stepTimeoutMs: timing.stepTimeout,
  heartbeatTimeoutMs: timing.heartbeatTimeout,
  retryInitialMs: timing.retryInitial,
  retryMaximumMs: timing.retryMaximum,
  retryAttempts: timing.retryAttempts,
  transientWaitMs: timing.transientWait,
  operatorWaitMs: timing.operatorWait,
  failoverMs: timing.failover,
});

const connectionsOf = (timing: ConfigurationFile['timing']): ConnectionTiming => ({
  keepaliveIdleMs: timing.keepaliveIdle,
  keepaliveIntervalMs: timing.keepaliveInterval,
  keepaliveCount: timing.keepaliveCount,
  statementTimeoutMs: timing.statementTimeout,
  lockTimeoutMs: timing.lockTimeout,
  idleInTransactionTimeoutMs: timing.idleInTransactionTimeout,
});

function sensorOf(sensor: ConfigurationFile['sensors'][number], base: string): SensorConfiguration {
  return {
    name: sensor.name,
    url: sensor.url,
    profile: sensor.profile,
    stream: sensor.stream,
    rest: sensor.rest,
    out: resolve(base, sensor.out),
    rotateEveryMs: sensor.rotateEvery,
    rotateBytes: sensor.rotateBytes,
    keepBytes: sensor.keepBytes,
    silentAfterMs: sensor.silentAfter,
    ca: sensor.ca && resolve(base, sensor.ca),
    cert: sensor.cert && resolve(base, sensor.cert),
    key: sensor.key && resolve(base, sensor.key),
  };
}
