import { describe, expect, it } from 'vitest';
import { fleetShips } from '../../domain/made-up-fleet.ts';
import { checkDigitWarning, imoCheckDigitIsRight, shipsThatCollide } from '../../domain/ship.ts';

describe('IMO numbers', () => {
  it.each(['IMO9976903', 'IMO9986104', 'IMO9074729', 'imo9074729'])('takes %s', (ship) => {
    expect(imoCheckDigitIsRight(ship)).toBe(true);
    expect(checkDigitWarning(ship)).toBeUndefined();
  });

  it('names the right check digit', () => {
    expect(imoCheckDigitIsRight('IMO9976904')).toBe(false);
    expect(checkDigitWarning('IMO9976904')).toContain('IMO9976903?');
  });

  it('leaves ids of another form alone', () => {
    expect(imoCheckDigitIsRight('yacht')).toBe(false);
    expect(checkDigitWarning('yacht')).toBeUndefined();
  });

  it('are right for any made-up fleet, and different', () => {
    const ships = fleetShips(300);
    expect(new Set(ships).size).toBe(300);
    expect(ships.every(imoCheckDigitIsRight)).toBe(true);
    expect(ships.slice(0, 2)).toEqual(['IMO9976903', 'IMO9976915']);
  });
});

it('finds ships that differ only in case', () => {
  expect(shipsThatCollide(['a', 'B', 'A', 'a'])).toEqual([['a', 'A']]);
});
