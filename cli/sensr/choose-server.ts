import { setMaxListeners } from 'node:events';
import { InvalidArgumentError, type Command } from 'commander';
import { openSensrClient, type SensrClient } from '../../activities/sensor/rest/sensr-client.ts';
import type { TlsFiles } from '../../activities/sensor/tls-files.ts';
import { FairleadError } from '../../domain/errors.ts';
import { nearest } from '../../workers/configuration/nearest.ts';
import type { SensorConfiguration } from '../../workers/configuration.ts';
import { interruptible, note, readConfiguration, type CommonOptions } from '../command.ts';
import { chosenTlsFiles } from '../tls-options.ts';

export interface ServerOptions extends CommonOptions, TlsFiles {
  base?: string;
  sensor?: string;
  api?: string;
}

/** Which sensor server, by its address or by the name of a sensor that is configured with `rest`. */
export interface ChosenServer extends TlsFiles {
  base: string;
  /** What has to be typed to choose it again. */
  selector: string;
}

const TYPE_BASE = '--base http://sensor.example:9080';

export const addServerOptions = (command: Command): Command =>
  command
    .option(
      '--base <url>',
      'the REST address of the sensor server: http://sensor.example:9080',
      httpUrl,
    )
    .option(
      '--sensor <name>',
      'that of a sensor with `rest` in fairlead.toml (default: the only one)',
    )
    .option('--ca <file>', 'the certificates to trust for https (PEM)')
    .option('--cert <file>', 'the certificate of this client, where the server wants one (PEM)')
    .option('--key <file>', 'the key of --cert (PEM)')
    .option(
      '--api <version>',
      'such as v3.5 (default: the newest that the server has)',
      apiVersion,
    );

/**
 * Calls the server that was chosen, until it is done or interrupted; the work is given the options that choose it again.
 *
 * @throws {FairleadError} `usage-invalid` when it is not clear which one
 */
export async function withServer<T>(
  options: ServerOptions,
  work: (client: SensrClient, signal: AbortSignal, selector: string) => Promise<T>,
  onRetry = noteRetry,
): Promise<T> {
  const chosen = chooseServer(options, () => readConfiguration(options).sensors);
  const selector = [chosen.selector, ...configFlag(options)].join(' ');
  await using client = openSensrClient({ ...chosen, selector, version: options.api, onRetry });
  return await interruptible('what was not answered yet may have happened', (signal) => {
    setMaxListeners(0, signal);
    return work(client, signal, selector);
  });
}

const configFlag = ({ base, config }: ServerOptions): string[] =>
  base === undefined && config !== undefined ? [`--config ${config}`] : [];

const noteRetry = (reason: string, waitMs: number): void =>
  note(`${reason}; trying again in ${waitMs / 1_000} s`);

/** @param sensors read only when no address was typed: it works beside a broken configuration */
export function chooseServer(
  { base, sensor, ...typed }: ServerOptions,
  sensors: () => readonly SensorConfiguration[],
): ChosenServer {
  if (base !== undefined && sensor !== undefined) {
    throw usage('--base and --sensor both name a server', 'give one of them');
  }
  if (base !== undefined) {
    return { base, ...chosenTlsFiles(typed), selector: `--base ${withoutCredentials(base)}` };
  }
  const known = sensors();
  return sensor === undefined ? theOnlyOne(known, typed) : theNamed(sensor, known, typed);
}

function theNamed(
  name: string,
  known: readonly SensorConfiguration[],
  typed: TlsFiles,
): ChosenServer {
  const found = known.find((one) => one.name === name);
  if (found?.rest)
    return { base: found.rest, ...chosenTlsFiles(typed, found), selector: `--sensor ${name}` };
  if (found) {
    throw usage(
      `sensor ${name} has no REST address in the configuration`,
      `add rest = "http://sensor.example:9080" to its [[sensors]], or type ${TYPE_BASE}`,
    );
  }
  const near = nearest(
    name,
    known.map((one) => one.name),
  );
  const names = known.length === 0 ? 'none is configured' : `there are ${listOf(known)}`;
  throw usage(
    `no sensor is called ${name}: ${names}`,
    `type ${near ? `--sensor ${near}` : TYPE_BASE}`,
  );
}

/** Two streams of one server count once. */
function theOnlyOne(known: readonly SensorConfiguration[], typed: TlsFiles): ChosenServer {
  const able = known.filter(({ rest }) => rest !== undefined);
  const [first] = able;
  if (!first?.rest) {
    const found =
      known.length === 0
        ? 'no sensor is configured'
        : `none of the ${known.length} configured sensors has a \`rest\` address`;
    throw usage(
      `which sensor server? ${found}`,
      `type ${TYPE_BASE}, or add rest = "…" to a [[sensors]] in fairlead.toml`,
    );
  }
  if (new Set(able.map(({ rest }) => new URL(rest!).href)).size === 1) {
    const files = chosenTlsFiles(typed, first);
    return { base: first.rest, ...files, selector: `--sensor ${first.name}` };
  }
  throw usage(
    `which sensor server? ${able.length} are configured: ${listOf(able)}`,
    `type --sensor ${first.name}, or ${TYPE_BASE}`,
  );
}

const listOf = (sensors: readonly SensorConfiguration[]): string =>
  sensors
    .map(({ name, rest }) => (rest ? `${name} (${withoutCredentials(rest)})` : `${name} (no rest)`))
    .join(', ');

function withoutCredentials(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname.replace(/\/+$/, '')}`;
}

const usage = (message: string, hint: string): FairleadError =>
  new FairleadError('usage-invalid', message, { hint });

function httpUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new InvalidArgumentError('Expected an address such as http://sensor.example:9080.');
}

function apiVersion(text: string): string {
  if (/^v\d+(?:\.\d+)*$/.test(text)) return text;
  throw new InvalidArgumentError('Expected a version such as v3.5.');
}
