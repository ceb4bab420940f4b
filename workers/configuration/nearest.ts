import { distance } from 'fastest-levenshtein';

/** The known word that a mistyped one most likely means; undefined when none is near. */
export function nearest(unknown: string, known: Iterable<string>): string | undefined {
  const most = Math.max(2, Math.floor(unknown.length * 0.4));
  const ranked = [...known]
    .map((word) => ({ word, far: distance(unknown.toLowerCase(), word.toLowerCase()) }))
    .filter(({ far }) => far <= most)
    .toSorted((a, b) => a.far - b.far);
  return ranked[0]?.word;
}

/** As {@link nearest}; a ship whose digits are known without the `IMO`, or the other way round, is near too. */
export function nearestShip(unknown: string, known: Iterable<string>): string | undefined {
  const ships = [...known];
  const digits = unknown.replace(/\D/g, '');
  const sameDigits = ships.find((ship) => digits !== '' && ship.replace(/\D/g, '') === digits);
  return sameDigits ?? nearest(unknown, ships);
}
