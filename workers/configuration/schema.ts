import { z } from 'zod';
import {
  bytes,
  DAY_MS,
  duration,
  httpUrl,
  port,
  postgresUrl,
  tableName,
  tableTemplate,
  webSocketUrl,
} from './fields.ts';

/** The groups of the ships that Fairlead knows. Files are relative to that of the configuration, or else to the package. */
export const usualGroups = ['auxiliary', 'engine', 'navigation'].map((name, index) => ({
  number: index + 1,
  name,
  file: `channels/${name}.txt`,
}));

const passwordFile = (example: string) =>
  z
    .string()
    .min(1)
    .optional()
    .describe(
      'The file with the password, read anew for each connection; relative to fairlead.toml.',
    )
    .meta({ example });

const source = z.strictObject({
  url: postgresUrl()
    .optional()
    .describe(
      'The database that is read; sslmode, sslrootcert, sslcert and sslkey as libpq has them.',
    ),
  passwordFile: passwordFile('reader.password'),
  table: tableName().prefault('tenant.tbl_data_timeseries').describe('The narrow table.'),
  chunksInFlight: z
    .int()
    .min(1)
    .max(1_000)
    .default(16)
    .describe('Chunks that all workers together read from this database at a time.'),
  maxLatency: duration()
    .prefault('1s')
    .describe('Fewer chunks while a statement that does nothing takes longer.'),
  maxActive: z
    .int()
    .min(0)
    .max(100_000)
    .optional()
    .describe('Fewer chunks while others have more active connections. Unset: no limit.')
    .meta({ example: 40 }),
  maxReplicationLag: duration()
    .optional()
    .describe('Fewer chunks while replication lags by more. Unset: no limit.')
    .meta({ example: '10s' }),
  lookEvery: duration()
    .prefault('5s')
    .describe('How often a worker with chunks looks how this database does.'),
});

const target = z.strictObject({
  url: postgresUrl()
    .optional()
    .describe('The database that is written; may be the same one.')
    .meta({ example: 'postgresql://writer@db.example/tenant_builder' }),
  passwordFile: passwordFile('writer.password'),
  table: tableTemplate()
    .prefault('tenant.tbl_data_timeseries_{ship}_{group}')
    .describe('The wide tables: {ship} is the id in lower case, {group} the group number.'),
});

const temporal = z.strictObject({
  payloadKeys: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The file of the keys that encrypt what Temporal is told; relative to fairlead.toml. Unset: nothing is encrypted.',
    )
    .meta({ example: 'payload.keys' }),
});

const migration = z.strictObject({
  width: duration(DAY_MS).prefault('2h').describe('How much time one chunk covers.'),
  window: z.int().min(1).max(64).default(2).describe('Chunks of one ship in flight.'),
  installation: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/, { error: 'is no name of letters, digits, - and _' })
    // Workflow ids begin with these words where an installation has no name.
    .regex(/^(?!(?:migrate-ship|verify-ship|reprocess|sensor-session)$)/, {
      error: 'is a word that workflow ids begin with already',
    })
    .optional()
    .describe(
      "Part of workflow ids, task queues and the name of the ledger's schema (fairlead_pier), so that two installations can share a namespace or a database.",
    )
    .meta({ example: 'pier' }),
  maxBufferBytes: bytes()
    .prefault('64MiB')
    .describe('What one chunk may hold in memory; a larger one is split.'),
  channelTypes: z
    .record(z.string(), z.enum(['Decimal', 'Integer', 'Boolean', 'String', 'DateTime']))
    .default({})
    .describe(
      "Decimal, Integer, Boolean, String or DateTime, where a channel's cells would tell a wrong one.",
    )
    .meta({
      kind: 'table of value formats',
      example: { '/hs4sd_v1/me01/fuel/oil//in_c/temp': 'Decimal' },
    }),
});

const fleet = z.strictObject({
  ships: z
    .array(z.string().trim().min(1, { error: 'is an empty ship id' }))
    .default([])
    .describe('What --fleet means, such as ["IMO9976903", "IMO9976915"].'),
  shipsAtOnce: z
    .int()
    .min(1)
    .max(1_000)
    .default(2)
    .describe('Ships of --fleet that migrate at the same time.'),
});

const channelGroup = z.strictObject({
  number: z.int().min(1).max(999).describe('What {group} becomes.'),
  name: z
    .string()
    .regex(/^(?!other$)[a-z][a-z0-9_-]*$/, {
      error: 'is no name of lower-case letters, digits, - and _; "other" is taken',
    })
    .describe('What people call the group.'),
  file: z.string().min(1).describe('One data_channel_id a line; relative to fairlead.toml.'),
});

const sensor = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.-]+$/, { error: 'is no name of letters, digits, -, _ and .' })
    .describe('What people, commands and recordings call the sensor.')
    .meta({ example: 'pier-3' }),
  url: webSocketUrl().describe('Where the stream is.'),
  profile: z
    .enum(['listener', 'client'])
    .default('listener')
    .describe('Ping every 20 s, pong within 10 s; "client" is 15 s and 8 s.'),
  stream: z
    .enum(['output', 'points'])
    .default('output')
    .describe('Objects, zones and health, or point clouds.'),
  rest: httpUrl().optional().describe("The sensor server's REST commands, for fairlead sensr."),
  out: z
    .string()
    .min(1)
    .default('recordings')
    .describe('The folder of the recordings; relative to fairlead.toml.'),
  rotateEvery: duration().prefault('1h').describe('A new file after so long.'),
  rotateBytes: bytes().prefault('256MiB').describe('A new file after so many bytes.'),
  keepBytes: bytes()
    .optional()
    .describe(
      'The oldest files of this sensor go when all of them hold more. Unset: 10 GB, or a tenth of the free disk where that is less.',
    )
    .meta({ example: '10GiB' }),
  silentAfter: duration().prefault('3s').describe('No message for so long is reported.'),
  ca: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Certificates to trust for wss and https, relative to fairlead.toml. Unset: the system's.",
    )
    .meta({ example: 'certificates.pem' }),
  cert: z
    .string()
    .min(1)
    .optional()
    .describe('The certificate of this client, where the server of wss or https wants one.')
    .meta({ example: 'client.pem' }),
  key: z
    .string()
    .min(1)
    .optional()
    .describe('The key of cert, without a passphrase.')
    .meta({ example: 'client.key' }),
});

const worker = z.strictObject({
  chunkSlots: z.int().min(1).max(64).default(4).describe('Chunks that one worker copies at once.'),
  poolSize: z
    .int()
    .min(2)
    .max(200)
    .default(8)
    .describe('Connections of one worker to each database.'),
  sensorSlots: z
    .int()
    .min(1)
    .max(1_000)
    .optional()
    .describe(
      'Streams that one sensor worker holds at once. Unset: as many as there are [[sensors]].',
    )
    .meta({ example: 20 }),
  deployment: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/, { error: 'is no name of letters, digits, - and _' })
    .optional()
    .describe(
      'Name of the Worker Deployment in Temporal: then a release gets work once its version is made current. Unset: every worker gets work at once.',
    )
    .meta({ example: 'fairlead' }),
  holdAlone: duration()
    .prefault('5m')
    .describe('A sensor worker that cannot reach Temporal closes its connections after so long.'),
});

const waits = (first: string, longest: string) =>
  z.tuple([duration(), duration()]).prefault([first, longest]).meta({ kind: 'two durations' });

const timing = z.strictObject({
  chunkTimeout: duration().prefault('1h').describe('One attempt at a chunk.'),
  stepTimeout: duration().prefault('1h').describe('One attempt at anything else.'),
  heartbeatTimeout: duration()
    .prefault('30s')
    .describe('Without a heartbeat for so long, a worker counts as lost.'),
  retryInitial: duration().prefault('5s').describe('The first wait between attempts.'),
  retryMaximum: duration().prefault('60s').describe('The longest wait between attempts.'),
  retryAttempts: z
    .int()
    .min(1)
    .max(100)
    .default(5)
    .describe('Attempts before a migration shows that it waits.'),
  transientWait: waits('30s', '5m').describe('First and longest wait for what passes by itself.'),
  operatorWait: waits('60s', '5m').describe(
    'First and longest wait for what a person has to change.',
  ),
  failover: duration()
    .prefault('2m')
    .describe(
      'A server that is read-only for so long takes a person; until then it may be failing over.',
    ),
  stallAfter: duration()
    .prefault('60s')
    .describe('No byte for so long, from a server that is not working, ends an attempt.'),
  statementTimeout: duration()
    .prefault('20m')
    .describe('A statement on cells that runs longer ends, and its chunk is split.'),
  lockTimeout: duration()
    .prefault('45s')
    .describe('A statement that waits longer for a lock ends, and is tried again.'),
  idleInTransactionTimeout: duration()
    .prefault('60s')
    .describe('The server ends a transaction in which a worker does nothing for so long.'),
  keepaliveIdle: duration()
    .prefault('30s')
    .describe('After so much silence the kernels ask whether the other side lives.'),
  keepaliveInterval: duration().prefault('10s').describe('From one such question to the next.'),
  keepaliveCount: z
    .int()
    .min(1)
    .max(100)
    .default(5)
    .describe(
      'Unanswered questions that end a connection: 30 s + 5 x 10 s are also TCP_USER_TIMEOUT.',
    ),
});

const stack = z.strictObject({
  postgresPort: port()
    .optional()
    .describe('Of PostgreSQL. Unset: 54329, or a free one.')
    .meta({ example: 54_329 }),
  temporalPort: port()
    .optional()
    .describe('Of Temporal. Unset: 7233, or a free one.')
    .meta({ example: 7_233 }),
  temporalUiPort: port()
    .optional()
    .describe("Of Temporal's UI. Unset: 8233, or a free one.")
    .meta({ example: 8_233 }),
});

const metrics = z.strictObject({
  address: z
    .union([z.ipv4(), z.ipv6()])
    .default('127.0.0.1')
    .describe('Where a worker serves its metrics.')
    .meta({ kind: 'IP address' }),
  port: port().optional().describe('Unset: 9464, or a free one.').meta({ example: 9_464 }),
  lookEvery: duration()
    .prefault('15s')
    .describe('How often one of the workers looks how all ships stand, for its metrics.'),
});

/** All of `fairlead.toml`. */
export const configurationSchema = z.strictObject({
  source: source.prefault({}).describe('The database of the narrow table.'),
  target: target.prefault({}).describe('The database of the wide tables and the ledger.'),
  temporal: temporal
    .prefault({})
    .describe('What Temporal is told; where it is, TEMPORAL_ADDRESS or temporal.toml says.'),
  migration: migration.prefault({}).describe('How ships are migrated.'),
  fleet: fleet.prefault({}).describe('The ships that belong together.'),
  channelGroups: z
    .array(channelGroup)
    .min(1)
    .optional()
    .describe('The channels that share a wide table.')
    .meta({ default: usualGroups }),
  sensors: z.array(sensor).default([]).describe('A sensor stream.'),
  worker: worker.prefault({}).describe('What one worker process takes on.'),
  timing: timing.prefault({}).describe('How long anything may take.'),
  stack: stack.prefault({}).describe('The ports of the embedded servers.'),
  metrics: metrics.prefault({}).describe('For Prometheus.'),
});

export type ConfigurationFile = z.output<typeof configurationSchema>;
