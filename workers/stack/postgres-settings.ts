import { existsSync, statfsSync } from 'node:fs';

/**
 * For bulk work on a small machine, and safe: a committed chunk is on the disk (`fsync` and `synchronous_commit`
 * stay on). Nothing replicates from this server, so its write-ahead log is minimal.
 */
export function postgresSettings(port: number): Record<string, string> {
  return {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    password_encryption: 'scram-sha-256',
    shared_buffers: '256MB',
    effective_cache_size: '1GB',
    work_mem: '32MB',
    maintenance_work_mem: '128MB',
    min_wal_size: '256MB',
    max_wal_size: '2GB',
    checkpoint_timeout: '15min',
    wal_level: 'minimal',
    max_wal_senders: '0',
    random_page_cost: '1.1',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
    dynamic_shared_memory_type: hasSharedMemory() ? 'posix' : 'mmap',
  };
}

const PARALLEL_QUERY_BYTES = 512_000_000;

/** Containers often have 64 MB of it, which is too little for parallel queries. */
function hasSharedMemory(): boolean {
  if (!existsSync('/dev/shm')) return process.platform !== 'linux';
  const { bavail, bsize } = statfsSync('/dev/shm');
  return bavail * bsize >= PARALLEL_QUERY_BYTES;
}

export const settingArguments = (settings: Readonly<Record<string, string>>): string[] =>
  Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
