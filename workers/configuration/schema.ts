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

const source = z.strictObject({
  url: postgresUrl()
    .optional()
    .describe('The database that is read. FAIRLEAD_SOURCE_URL wins over it.'),
  table: tableName().prefault('tenant.tbl_data_timeseries').describe('The narrow table.'),
});

const target = z.strictObject({
  url: postgresUrl()
    .optional()
    .describe('The database that is written. FAIRLEAD_TARGET_URL wins over it; may be the source.'),
  table: tableTemplate()
    .prefault('tenant.tbl_data_timeseries_{ship}_{group}')
    .describe('The wide tables: {ship} is the ship id in lower case, {group} the group number.'),
});

const migration = z.strictObject({
  width: duration(DAY_MS).prefault('2h').describe('How much time one chunk covers; at most 1d.'),
  window: z.int().min(1).max(64).default(2).describe('Chunks of one ship in flight.'),
  installation: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/, { error: 'is no name of letters, digits, - and _' })
    .optional()
    .describe('A prefix for workflow ids and task queues, to share a namespace.'),
  maxBufferBytes: bytes()
    .prefault('64MiB')
    .describe('What one chunk may hold in memory; a larger one is split.'),
  channelTypes: z
    .record(z.string(), z.enum(['Decimal', 'Integer', 'Boolean', 'String', 'DateTime']))
    .default({})
    .describe('The value format of a channel, where its first cells tell a wrong one.'),
});

const fleet = z.strictObject({
  ships: z
    .array(z.string().trim().min(1, { error: 'is an empty ship id' }))
    .default([])
    .describe('The ships that --fleet means.'),
  shipsAtOnce: z.int().min(1).max(1_000).default(2).describe('Ships of --fleet in flight.'),
});

const channelGroup = z.strictObject({
  number: z.int().min(1).max(999).describe('What {group} becomes.'),
  name: z
    .string()
    .regex(/^(?!other$)[a-z][a-z0-9_-]*$/, {
      error: 'is no name of lower-case letters, digits, - and _; "other" is taken',
    })
    .describe('What people call the group.'),
  file: z.string().min(1).describe('One data_channel_id a line; relative to this file.'),
});

const sensor = z.strictObject({
  name: z.string().regex(/^[\w.-]+$/, { error: 'is no name of letters, digits, -, _ and .' }),
  url: webSocketUrl().describe('Where the stream is.'),
  profile: z
    .enum(['listener', 'client'])
    .default('listener')
    .describe('Ping every 20 s and pong within 10 s, or 15 s and 8 s.'),
  stream: z.enum(['output', 'points']).default('output'),
  rest: httpUrl().optional().describe("The sensor server's REST address."),
  out: z.string().min(1).default('recordings').describe('The folder of the recordings.'),
  rotateEvery: duration().prefault('1h').describe('A new file after so long.'),
  rotateBytes: bytes().prefault('256MiB').describe('A new file after so many bytes.'),
  keepBytes: bytes()
    .optional()
    .describe(
      'The oldest files of this sensor go when all of them hold more. Unset: 10 GB, or a tenth of the free disk where that is less.',
    ),
  silentAfter: duration().prefault('3s').describe('No message for so long is reported.'),
  ca: z.string().min(1).optional().describe('A file with the certificates to trust for wss.'),
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
    .describe('Streams that one sensor worker holds at once. Unset: as many as [[sensors]].'),
  holdAlone: duration()
    .prefault('5m')
    .describe('A sensor worker that cannot reach Temporal closes its connections after so long.'),
});

const waits = (first: string, longest: string) =>
  z.tuple([duration(), duration()]).prefault([first, longest]);

const timing = z.strictObject({
  chunkTimeout: duration().prefault('1h').describe('One attempt at a chunk.'),
  stepTimeout: duration().prefault('1h').describe('One attempt at anything else.'),
  heartbeatTimeout: duration().prefault('30s').describe('Silence after which a worker is lost.'),
  retryInitial: duration().prefault('5s').describe('The first wait between attempts.'),
  retryMaximum: duration().prefault('60s').describe('The longest wait between attempts.'),
  retryAttempts: z.int().min(1).max(100).default(5).describe('Attempts before it shows waiting.'),
  transientWait: waits('30s', '5m').describe('First and longest wait for what passes by itself.'),
  operatorWait: waits('60s', '5m').describe('First and longest wait for a person.'),
  failover: duration()
    .prefault('2m')
    .describe('A server that is read-only for so long is no longer failing over.'),
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
    .describe('Silence after which the kernels ask whether the other side lives.'),
  keepaliveInterval: duration().prefault('10s').describe('From one such question to the next.'),
  keepaliveCount: z
    .int()
    .min(1)
    .max(100)
    .default(5)
    .describe('Unanswered questions that end a connection.'),
});

const stack = z.strictObject({
  postgresPort: port()
    .optional()
    .describe('FAIRLEAD_POSTGRES_PORT wins over it. Unset: a free one is chosen.'),
  temporalPort: port()
    .optional()
    .describe('FAIRLEAD_TEMPORAL_PORT wins over it. Unset: 7233, or a free one.'),
  temporalUiPort: port()
    .optional()
    .describe('FAIRLEAD_TEMPORAL_UI_PORT wins over it. Unset: 8233, or a free one.'),
});

const metrics = z.strictObject({
  address: z
    .union([z.ipv4(), z.ipv6()])
    .default('127.0.0.1')
    .describe('Where metrics are served. FAIRLEAD_METRICS_ADDRESS wins over it.'),
  port: port()
    .optional()
    .describe('FAIRLEAD_METRICS_PORT wins over it. Unset: 9464, or a free one.'),
  lookEvery: duration()
    .prefault('15s')
    .describe('How often one of the workers looks how all ships stand, for its metrics.'),
});

/** All of `fairlead.toml`. */
export const configurationSchema = z.strictObject({
  source: source.prefault({}),
  target: target.prefault({}),
  migration: migration.prefault({}),
  fleet: fleet.prefault({}),
  channelGroups: z.array(channelGroup).min(1).optional(),
  sensors: z.array(sensor).default([]),
  worker: worker.prefault({}),
  timing: timing.prefault({}),
  stack: stack.prefault({}),
  metrics: metrics.prefault({}),
});

export type ConfigurationFile = z.output<typeof configurationSchema>;
