import { FairleadError } from '../domain/errors.ts';
import { checkDigitWarning, shipsThatCollide } from '../domain/ship.ts';
import type { Configuration } from '../workers/configuration.ts';
import { note } from './command.ts';

/**
 * The ships that a command is about: those that were typed, or with `--fleet` those of the configuration.
 *
 * @throws {FairleadError} `usage-invalid` when there is none; `ship-ambiguous`
 */
export function chooseShips(
  typed: readonly string[],
  { fleet }: { fleet?: true },
  configuration: Configuration,
): string[] {
  const ships = [...new Set(fleet ? [...configuration.fleet.ships, ...typed] : typed)];
  if (ships.length === 0) throw noShips(fleet === true);
  if (ships.some((ship) => ship.trim() === ''))
    throw new FairleadError('usage-invalid', 'a ship id is empty', {
      hint: 'name ships, such as IMO9976903',
    });
  for (const twins of shipsThatCollide(ships))
    throw new FairleadError(
      'ship-ambiguous',
      `${twins.join(' and ')} differ only in case, and would share their tables`,
      { hint: 'name one of them' },
    );
  for (const ship of typed) {
    const warning = checkDigitWarning(ship);
    if (warning) note(`warning: ${warning}`);
  }
  return ships;
}

function noShips(fleet: boolean): FairleadError {
  if (fleet)
    return new FairleadError('usage-invalid', 'the configuration names no ships for --fleet', {
      hint: 'set ships under [fleet] in fairlead.toml',
    });
  return new FairleadError('usage-invalid', 'no ship was named', {
    hint: 'name ships, such as IMO9976903, or add --fleet',
  });
}
