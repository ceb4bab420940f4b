import type { ErrorCode } from '../../domain/errors.ts';

/** A test's file below `test/`, its title, and, where the file does not name the code, what else it tells it by. */
type Provocation = readonly [file: string, title: string, evidence?: string];

const failures = (file: string, title: string): Provocation => [`failures/${file}.test.ts`, title];
const postgres = (file: string, title: string): Provocation => [
  `activities/postgres/${file}.test.ts`,
  title,
];
const sensor = (file: string, title: string): Provocation => [
  `activities/sensor/${file}.test.ts`,
  title,
];
const cli = (file: string, title: string, evidence?: string): Provocation =>
  evidence ? [`cli/${file}.test.ts`, title, evidence] : [`cli/${file}.test.ts`, title];

/** Where each failure is provoked: on real servers, files and processes, without mocks of them. */
export const provokedBy: Readonly<Record<ErrorCode, Provocation>> = {
  'usage-invalid': cli(
    'run-command-line',
    'refuses %j as wrong usage, with advice',
    'toMatchObject({ exitCode: 2',
  ),
  'config-invalid': cli('run-command-line', 'answers one JSON document when it fails'),
  'import-invalid': postgres(
    'import-cells',
    'with bad rows is refused with each line and nothing is imported',
  ),
  'ranges-invalid': cli(
    'reprocess',
    'tells all faults of a file with their lines, and starts nothing',
  ),
  'ship-unknown': cli('commands', 'say what is known before anything was migrated'),
  'ship-ambiguous': postgres('plan-ship', 'refuses ships that differ only in case'),
  'port-taken': [
    'workers/stack/postgres-server.test.ts',
    'takes another port when the usual one is taken, and refuses one that the user set',
  ],
  'stack-running': cli(
    'up-alone',
    'up with everything configured runs two workers, once in a home',
  ),
  'stack-absent': cli(
    'run-command-line',
    'says that no stack runs, and what to type',
    'FAIRLEAD_HOME',
  ),
  'stack-failed': [
    'workers/stack/postgres-server.test.ts',
    'says what its log says when it does not start',
  ],
  'temporal-not-found': [
    'workers/stack/temporal-cli.test.ts',
    'names everything that was tried, and what to type',
  ],
  'temporal-unreachable': cli(
    'temporal-away',
    '%s ends with 75 within ten seconds, and says what to check',
    'no Temporal server answers at',
  ),
  'search-attributes-missing': failures(
    'command-failures',
    'a worker in a namespace without our search attributes says what to type',
  ),
  'worker-absent': cli(
    'commands',
    'say within ten seconds that no worker is there, and what to type',
  ),
  'payload-unreadable': cli('payload-keys', 'are missing: a command says which, with 3'),
  'migration-differs': cli('steering', 'is not joined with %j, and both are shown', 'asked'),
  'target-differs': postgres(
    'wide-table',
    'is refused as well when a late channel finds a column of another type there',
  ),
  'table-taken': cli(
    'two-installations',
    'refuse to write the wide tables of each other, and both are named',
  ),
  'installation-differs': postgres(
    'copy-chunk-failures',
    'a target that is not the one of the plan is refused',
  ),
  'permission-denied': failures('operator-failures', 'a right on a wide table is revoked'),
  'login-refused': failures('operator-failures', 'a password is changed'),
  'tls-failed': postgres(
    'tls-failures',
    'tells with %s that another authority has signed the certificate',
  ),
  'database-absent': failures('operator-failures', 'the target gets another name'),
  'disk-full': failures(
    'operator-failures',
    'where the disk of the target is full, the ship waits, and goes on when there is room',
  ),
  'read-only': failures('operator-failures', 'the target becomes read-only'),
  'source-table-invalid': postgres(
    'narrow-table',
    'that is not there is named, with one that looks like it',
  ),
  'late-not-findable': postgres('late/find-late-cells', 'cannot be looked for in %s'),
  'rest-refused': sensor(
    'rest/sensr-client',
    'opens projects, and says in words which one it does not have',
  ),
  'rest-answer-invalid': sensor(
    'rest/sensr-client',
    'opens projects, and says in words which one it does not have',
  ),
  'rest-outcome-unknown': sensor('rest/sensr-client', 'is sent once, and may have happened: %s'),
  'sensor-unknown': cli(
    'sensor-sessions',
    'say what to do where the worker does not know the sensor',
    'no \\[\\[sensors',
  ),
  'sensor-slots-taken': cli('sensor-sessions', 'say at once that slots are full, and what to type'),
  'recording-refused': sensor('recording/stream-consumer', 'refuses a folder that cannot be'),
  'recording-disk-full': cli(
    'sensor-conditions',
    'says that nothing is recorded while the disk is full, and then that it is',
    'are free on its disk',
  ),
  'recording-in-use': cli(
    'recording',
    'refuses a file that is being written, and repairs it once its writer was killed',
  ),
  'connection-lost': failures(
    'server-failures',
    'a server that starts, or is no standby that answers, is waited for',
  ),
  'source-slots-taken': postgres(
    'source-slots',
    'says how many are taken when it has waited long enough',
  ),
  'connection-stalled': postgres(
    'copy-chunk-failures',
    'that hears nothing from a server that is not at work stalls',
  ),
  interrupted: failures(
    'command-failures',
    'a command that is interrupted says that nothing is left of it, and ends with 75',
  ),
  'worker-lost': failures(
    'passing-failures',
    'a worker that %s is lost, and its chunk is not split',
  ),
  'database-busy': failures('passing-failures', 'too many are connected'),
  'attempt-superseded': postgres(
    'copy-chunk-failures',
    'that a newer one has overtaken may not write',
  ),
  'statement-cancelled': failures('passing-failures', 'somebody cancels the statement'),
  'rest-unreachable': cli('sensr', 'that is down is told with 75, after four attempts'),
  'rest-unwell': sensor(
    'rest/sensr-client',
    'that fails a fourth time is given up, with the words of the last answer',
  ),
  'rows-appeared': [
    'activities/postgres/copy-chunk-again.test.ts',
    'a row that appears after the look, at an instant of the chunk, is merged',
    'interrupt(',
  ],
  'sensor-offline': [
    'sessions/session-history.test.ts',
    'climbs the ladder while the sensor is offline, and leaves no events',
    "mode = 'refuse'",
  ],
  'sensor-held-elsewhere': [
    'sessions/temporal-outage.test.ts',
    'ends no connection, with one worker and with two',
    'worker',
  ],
  'commit-unknown': postgres(
    'copy-chunk-failures',
    'whose COMMIT did not happen, and was not answered, is done again by the next one',
  ),
  'chunk-too-big': failures('too-big', 'a chunk is more than the buffer holds'),
  'statement-timeout': failures('too-big', 'the source reads longer than statementTimeout'),
  'row-too-wide': failures('data-failures', 'rows are too wide'),
  'data-refused': failures('data-failures', 'a constraint refuses them'),
  'proof-failed': postgres('copy-chunk-proof', 'fails, and nothing is committed, with any of'),
  'recording-unreadable': sensor('recording/repair-recording', 'refuses what is no MCAP file'),
  cancelled: cli('steering', 'tells who joins that it is paused, and is cancelled'),
  unexpected: failures('data-failures', 'something happens that no rule knows'),
};
