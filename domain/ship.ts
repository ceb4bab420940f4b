const IMO = /^IMO(\d{6})(\d)$/i;

/** True for `IMO` + 7 digits, whatever the last digit is. */
export const isImoNumber = (ship: string): boolean => IMO.test(ship);

/** The last digit of an IMO number: its six digits times 7, 6, 5, 4, 3, 2, summed, modulo 10. */
export function imoCheckDigit(sixDigits: string): number {
  const weighted = Array.from(sixDigits, (digit, index) => Number(digit) * (7 - index));
  return weighted.reduce((sum, part) => sum + part, 0) % 10;
}

/** False for an IMO number with a wrong last digit, and for what is no IMO number at all. */
export function imoCheckDigitIsRight(ship: string): boolean {
  const parts = IMO.exec(ship);
  return parts !== null && imoCheckDigit(parts[1]!) === Number(parts[2]);
}

/** A sentence for the operator about an IMO number with a wrong check digit; other ids are left alone. */
export function checkDigitWarning(ship: string): string | undefined {
  if (!isImoNumber(ship) || imoCheckDigitIsRight(ship)) return undefined;
  const right = imoCheckDigit(ship.slice(3, 9));
  return `${ship} has the check digit ${ship.at(-1)}, expected ${right}: is it ${ship.slice(0, 9)}${right}?`;
}

/** The groups of ships whose ids differ only in case, and so would share wide tables. */
export function shipsThatCollide(ships: Iterable<string>): string[][] {
  const byLowerCase = new Map<string, string[]>();
  for (const ship of new Set(ships)) {
    const key = ship.toLowerCase();
    byLowerCase.set(key, [...(byLowerCase.get(key) ?? []), ship]);
  }
  return [...byLowerCase.values()].filter((group) => group.length > 1);
}
