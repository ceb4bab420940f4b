import { FairleadError } from '../domain/errors.ts';
import { requireSensor } from '../workers/open-configured-sensor.ts';
import type { Configuration, SensorConfiguration } from '../workers/configuration.ts';

/**
 * The sensors that a command is about: those that were typed, or else all of the configuration.
 *
 * @throws {FairleadError} `sensor-unknown`; `config-invalid` when there are none
 */
export function chooseSensors(
  typed: readonly string[],
  configuration: Configuration,
): SensorConfiguration[] {
  if (typed.length > 0)
    return [...new Set(typed)].map((name) => requireSensor(name, configuration));
  if (configuration.sensors.length === 0) throw noSensors();
  return configuration.sensors;
}

const noSensors = (): FairleadError =>
  new FairleadError('config-invalid', 'no sensors are configured', {
    hint: 'add [[sensors]] with name and url to fairlead.toml; fairlead.example.toml shows every key',
  });
