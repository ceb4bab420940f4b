import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

const CONNECT_TIMEOUT_MS = 3_000;
const RETRY_MS = 100;

/** A connection past all paths; the server may be killed under it. */
export async function connectPlainly(url: string, name: string): Promise<Client> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: name,
  });
  client.on('error', () => {
    // The query in flight fails with it.
  });
  await client.connect();
  return client;
}

/** One question to a server that may be away: for that long it is asked again. */
export async function ask<Row extends object>(
  url: string,
  sql: string,
  parameters: readonly unknown[] = [],
  patienceMs = 30_000,
): Promise<Row[]> {
  for (const since = Date.now(); ; await sleep(RETRY_MS)) {
    try {
      return await askOnce<Row>(url, sql, parameters);
    } catch (error) {
      const isAnswer = /^(22|23|42)/.test((error as { code?: string }).code ?? '');
      if (isAnswer || Date.now() - since > patienceMs) throw error;
    }
  }
}

async function askOnce<Row extends object>(
  url: string,
  sql: string,
  parameters: readonly unknown[],
): Promise<Row[]> {
  const client = await connectPlainly(url, 'chaos');
  try {
    return (await client.query<Row>(sql, [...parameters])).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}
