import { loadClientConfigProfile, toClientOptions } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { FairleadError } from '../domain/errors.ts';
import type { Configuration } from './configuration.ts';
import type { Environment } from './configuration/environment.ts';
import type { PayloadCipher } from './payload-cipher.ts';
import { readStack } from './stack/stack-file.ts';

/** Set by the local stack for its own worker, so that no `temporal.toml` leads it elsewhere. */
export const STACK_TEMPORAL_VARIABLE = 'FAIRLEAD_STACK_TEMPORAL';
/** Set by the local stack for its workers: the port for metrics, while it is free. */
export const STACK_METRICS_VARIABLE = 'FAIRLEAD_STACK_METRICS_PORT';

export interface TemporalLocation {
  address: string;
  namespace: string;
  /** May hold an API key or a client's certificate: never shown. */
  connectionOptions: NativeConnectionOptions;
  /** The web UI, where we know it. */
  ui: string | undefined;
  /** A server of the local stack, not the user's own. */
  local: boolean;
  payloads?: PayloadCipher | undefined;
}

/**
 * Finds Temporal as its own tools do (`TEMPORAL_…`, `temporal.toml`), else on the local stack.
 *
 * @throws {FairleadError} `config-invalid`, `stack-absent`
 */
export function locateTemporal(
  { home, payloads }: Pick<Configuration, 'home'> & Partial<Pick<Configuration, 'payloads'>>,
  environment: Environment = process.env,
): TemporalLocation {
  return { ...serverOf(home, environment), payloads };
}

function serverOf(home: string, environment: Environment): TemporalLocation {
  const ofStack = environment[STACK_TEMPORAL_VARIABLE];
  if (ofStack) return onLocalStack(ofStack, 'default');
  const configured = configuredTemporal();
  if (configured) return configured;
  const stack = readStack(home);
  if (stack) return onLocalStack(stack.temporalAddress, stack.namespace, stack.temporalUi);
  throw new FairleadError(
    'stack-absent',
    `no Temporal server is configured, and no local stack runs in ${home}`,
    { hint: 'start one with "fairlead up", or set TEMPORAL_ADDRESS' },
  );
}

/** @returns undefined when neither the environment nor `temporal.toml` names a server */
export function configuredTemporal(): TemporalLocation | undefined {
  const profile = readConfigured(loadClientConfigProfile);
  if (Object.values(profile).every((value) => value === undefined)) return undefined;
  const { tls } = profile;
  if (tls && (tls.clientCert === undefined) !== (tls.clientKey === undefined)) throw halfPair();
  const { connectionOptions, namespace = 'default' } = readConfigured(() =>
    toClientOptions(profile),
  );
  const address = connectionOptions.address ?? 'localhost:7233';
  return { address, namespace, connectionOptions, ui: undefined, local: false };
}

/** The SDK takes one of them for none. */
const halfPair = () =>
  new FairleadError(
    'config-invalid',
    "Temporal's configuration: there is one of the client's certificate and its key",
    { hint: 'set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH both, or neither' },
  );

/** The files that it names are read too. */
function readConfigured<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new FairleadError('config-invalid', `Temporal's configuration: ${messageOf(error)}`, {
      hint: 'correct temporal.toml, or the TEMPORAL_… variables',
      cause: error,
    });
  }
}

const onLocalStack = (address: string, namespace: string, ui?: string): TemporalLocation => ({
  address,
  namespace,
  connectionOptions: { address },
  ui,
  local: true,
});

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
