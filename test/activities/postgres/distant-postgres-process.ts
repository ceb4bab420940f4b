/*
 * PostgreSQL on a made-up host: this process runs there, so that what it starts does too. It listens on all of that
 * host's addresses, and on a Unix socket, which reaches us whatever becomes of the network.
 */
import { appendFile, chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { startPostgres } from '../../../workers/stack/postgres-server.ts';

export interface Started {
  event: 'started';
  /** As seen from that host. */
  url: string;
  /** With the Unix socket. */
  socketFolder: string;
}

const PORT = 5432;
const [folder] = process.argv.slice(2) as [string];
const socketFolder = join(folder, 'socket');
await mkdir(socketFolder);
await chmod(socketFolder, 0o777);

const server = await startPostgres({
  folder,
  port: PORT,
  report: (line) => void process.stderr.write(`${line}\n`),
  settings: {
    listen_addresses: '*',
    unix_socket_directories: socketFolder,
    fsync: 'off',
    shared_buffers: '64MB',
  },
});
await appendFile(join(folder, 'data', 'pg_hba.conf'), 'host all all 0.0.0.0/0 scram-sha-256\n');
const client = new Client({ connectionString: server.url });
await client.connect();
await client.query('select pg_reload_conf()');
await client.end();

const stop = () => void server.stop().then(() => process.exit());
process.once('SIGTERM', stop);
process.stdin.once('end', stop).resume();
const started: Started = { event: 'started', url: server.url, socketFolder };
process.stdout.write(`${JSON.stringify(started)}\n`);
