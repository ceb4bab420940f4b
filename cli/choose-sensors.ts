import { FairleadError } from '../domain/errors.ts';
import { nearest } from '../workers/configuration/nearest.ts';
import type { Configuration, SensorConfiguration } from '../workers/configuration.ts';

/** Of `fairlead sensor`. */
export type SensorVerb = 'list' | 'start' | 'stop' | 'status' | 'hold';

/**
 * The sensors that a command is about: those that were typed, or else all of the configuration.
 *
 * @throws {FairleadError} `usage-invalid` for a name that is not there; `config-invalid` when there are none
 */
export function chooseSensors(
  typed: readonly string[],
  configuration: Configuration,
  verb: SensorVerb,
): SensorConfiguration[] {
  if (typed.length > 0)
    return [...new Set(typed)].map((name) => requireTyped(name, configuration, verb));
  requireSensors(configuration);
  return configuration.sensors;
}

/** @throws {FairleadError} `config-invalid` */
export function requireSensors({ sensors }: Configuration): void {
  if (sensors.length > 0) return;
  throw new FairleadError('config-invalid', 'no sensors are configured', {
    hint: 'add [[sensors]] with name and url to fairlead.toml; fairlead.example.toml shows every key',
  });
}

/** @throws {FairleadError} `usage-invalid`, with the command that may have been meant */
export function requireTyped(
  name: string,
  configuration: Configuration,
  verb: SensorVerb,
): SensorConfiguration {
  const found = configuration.sensors.find((sensor) => sensor.name === name);
  if (!found) throw noSuchSensor(name, configuration, verb);
  return found;
}

/** @param running sessions, which can be meant too */
export function noSuchSensor(
  name: string,
  { sensors, file }: Configuration,
  verb: SensorVerb,
  running: readonly string[] = [],
): FairleadError {
  const configured = sensors.map((sensor) => sensor.name);
  const meant = nearest(name, [...configured, ...running]);
  const known = configured.length === 0 ? 'there are none' : `there are ${configured.join(', ')}`;
  const where = file ?? 'the configuration';
  const otherwise = verb === 'hold' ? '; or name its stream with --url ws://…' : '';
  return new FairleadError(
    'usage-invalid',
    `${name}: no [[sensors]] of ${where} has this name; ${known}`,
    {
      hint: meant
        ? `did you mean: fairlead sensor ${verb} ${meant}`
        : `add [[sensors]] with name = "${name}" and its url to fairlead.toml${otherwise}`,
    },
  );
}
