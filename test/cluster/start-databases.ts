import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { runSql } from '../run-sql.ts';
import { anyFreePort } from '../../workers/stack/choose-port.ts';
import { startPostgres, type PostgresServer } from '../../workers/stack/postgres-server.ts';
import { runCommand } from '../../workers/stack/run-command.ts';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { compose, serviceProcess } from './service-process.ts';

export interface Databases {
  server: PostgresServer;
  /** Of the superuser, without a database. */
  superuserUrl: (database: string) => string;
}

/** PostgreSQL with the settings of docker-compose.yml, and the databases that its volume begins with. */
export async function startDatabases(folder: string): Promise<Databases> {
  const port = await anyFreePort();
  const report = () => undefined;
  const server = await startPostgres({
    folder: join(folder, 'postgres'),
    port,
    report,
    settings: settingsOfCompose(),
  });
  const password = randomBytes(12).toString('hex');
  await becomeLikeTheImage(server.url, password);
  await makeDatabases(port, password);
  const superuserUrl = (database: string) =>
    `postgresql://postgres:${password}@127.0.0.1:${port}/${database}`;
  return { server, superuserUrl };
}

function settingsOfCompose(): Record<string, string> {
  const words = compose.services['postgres']!.command!;
  const settings = words.filter((word) => word.includes('='));
  return Object.fromEntries(settings.map((setting) => setting.split('=') as [string, string]));
}

/** The embedded server's superuser and database have names that the script gives away: those of the image come first. */
async function becomeLikeTheImage(url: string, password: string): Promise<void> {
  await runSql(url, `create role postgres superuser login password '${password}'`);
  const own = new URL(url);
  [own.username, own.password, own.pathname] = ['postgres', password, 'postgres'];
  await runSql(own.href, 'drop database tenant_builder');
  await runSql(own.href, 'alter role fairlead rename to embedded');
}

/** As the image's entrypoint does. */
async function makeDatabases(port: number, password: string): Promise<void> {
  const script = join(packageRoot, 'deploy', 'compose', 'databases.sql');
  const words = ['-v', 'ON_ERROR_STOP=1', '--no-password', '--no-psqlrc', '-f', script];
  const { environment } = serviceProcess('postgres', {});
  const result = await runCommand('psql', words, {
    timeoutMs: 30_000,
    env: {
      ...environment,
      PGHOST: '127.0.0.1',
      PGPORT: String(port),
      PGUSER: 'postgres',
      PGPASSWORD: password,
    },
  });
  if (result.code !== 0) throw new Error(`databases.sql: ${result.stderr}`);
}
