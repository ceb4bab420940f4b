import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { NativeConnection, type WorkerOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { FairleadError } from '../domain/errors.ts';
import type { SearchAttributeTypes } from '../domain/search-attributes.ts';
import { requireSearchAttributes } from './search-attributes.ts';
import { connectTemporal, temporalUnreachable } from './temporal-client.ts';
import type { TemporalLocation } from './temporal-location.ts';

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 15_000;

export interface PatientConnectOptions {
  temporal: TemporalLocation;
  /** What the worker's workflows cannot do without. */
  searchAttributes: SearchAttributeTypes;
  log: Logger;
  /** Ends the waiting for a server that is away. */
  signal: AbortSignal;
}

/** What a worker works over; closed in the end, without which its process would not exit. */
export interface WorkerConnections extends AsyncDisposable {
  native: NativeConnection;
  /** For calls that may have to be ended early: on the worker's own connection an abort signal does nothing. */
  client: Client;
}

/**
 * Connects a worker, also when Temporal comes later.
 *
 * @returns undefined when it was told to stop first
 * @throws {FairleadError} `search-attributes-missing`, `tls-failed`: no waiting would help
 */
export async function connectPatiently(
  options: PatientConnectOptions,
): Promise<WorkerConnections | undefined> {
  const { temporal, log, signal } = options;
  for (let waitMs = FIRST_RETRY_MS; !signal.aborted; waitMs = Math.min(LAST_RETRY_MS, waitMs * 2)) {
    try {
      return await connect(options);
    } catch (error) {
      const failure = temporalUnreachable(temporal, error);
      if (!isUnreachable(error)) throw error;
      log.warn(
        { address: temporal.address, retryInMs: waitMs, hint: failure.hint },
        failure.message,
      );
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}

async function connect({
  temporal,
  searchAttributes,
}: PatientConnectOptions): Promise<WorkerConnections> {
  const ofClient = await connectTemporal(temporal);
  try {
    await requireSearchAttributes(ofClient.connection, temporal.namespace, searchAttributes);
    const native = await connectNatively(temporal);
    const close = async (): Promise<void> => {
      // A worker that was made and never ran holds it: that must not take the place of what went wrong first.
      await native.close().catch(() => undefined);
      await ofClient[Symbol.asyncDispose]();
    };
    return { native, client: ofClient.client, [Symbol.asyncDispose]: close };
  } catch (error) {
    await ofClient[Symbol.asyncDispose]();
    throw error;
  }
}

/** The worker's own TLS is stricter than that of the client, with which we have just talked. */
async function connectNatively(temporal: TemporalLocation): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect(temporal.connectionOptions);
  } catch (error) {
    const [, reason] = /InvalidCertificate\((\w+)/.exec(String(error)) ?? [];
    if (reason === undefined) throw error;
    const sentence = `a worker does not accept the certificate of the Temporal server at ${temporal.address}, or that of this client, though commands do (${reason})`;
    const hint =
      'a worker wants both to be of X.509 version 3 (openssl x509 -in FILE -noout -text), and signed by an authority, not by themselves';
    throw new FairleadError('tls-failed', sentence, { hint, cause: error });
  }
}

/** A message from the server about something else, such as its permissions, is no reason to wait. */
function isUnreachable(error: unknown): boolean {
  const { name, code } = error as { name?: string; code?: unknown };
  return code === 'temporal-unreachable' || name === 'TransportError' || code === 14 || code === 4;
}

/** What the build has bundled; without a build (in tests) the worker bundles the sources itself. */
export function workflowCode(): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  const codePath = fileURLToPath(new URL('../workflows.bundle.js', import.meta.url));
  if (existsSync(codePath)) return { workflowBundle: { codePath } };
  return { workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)) };
}
