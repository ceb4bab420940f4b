/**
 * The hash by which a cell is recognised: 64 bits over channel id, instant, type and the value's bytes, as two
 * lanes of 32 bits, because JavaScript multiplies 32-bit integers quickly and 64-bit ones not at all.
 *
 * Hashes are added up modulo 2^64 ({@link CellSum}), so that the order of cells does not matter, while a
 * swapped pair, a cell twice or a cell left out does. Exclusive or would cancel pairs.
 *
 * The mixing step is the finalizer of MurmurHash3 (Austin Appleby, public domain).
 */
export interface HashSeed {
  first: number;
  second: number;
}

function mixFirst(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function mixSecond(hash: number): number {
  let h = hash ^ (hash >>> 15);
  h = Math.imul(h, 0x2c1b3c6d);
  h ^= h >>> 12;
  h = Math.imul(h, 0x297a2d39);
  return h ^ (h >>> 15);
}

/** What every cell of one column shares. */
export function columnSeed(channel: string, type: string): HashSeed {
  return hashBytes(
    { first: 0x9e3779b9, second: 0x7f4a7c15 },
    new TextEncoder().encode(`${type}\0${channel}`),
  );
}

/** What every cell of one instant shares; the instant as the two halves of PostgreSQL's 64-bit timestamp. */
export function instantSeed(high: number, low: number): HashSeed {
  return {
    first: mixFirst(mixFirst(high ^ 0x243f6a88) + low),
    second: mixSecond(mixSecond(high ^ 0x13198a2e) + low),
  };
}

export function hashBytes(seed: HashSeed, bytes: Uint8Array): HashSeed {
  let { first, second } = seed;
  for (const byte of bytes) {
    first = Math.imul(first ^ byte, 0x01000193);
    first ^= first >>> 15;
    second = Math.imul(second ^ byte, 0x5bd1e995);
    second ^= second >>> 13;
  }
  return { first: mixFirst(first ^ bytes.length), second: mixSecond(second ^ bytes.length) };
}

/** A sum of cell hashes, modulo 2^64, with the number of cells in it. */
export class CellSum {
  cells = 0;
  /** High and low half; an array of integers, because a field beyond 31 bits would be boxed at each addition. */
  private readonly halves = new Int32Array(2);

  /** Adds a cell of eight bytes (or of fewer, with zeros before them), given as two 32-bit words. */
  addWords(column: HashSeed, instant: HashSeed, high: number, low: number): void {
    this.add(
      mixFirst(mixFirst((column.first + instant.first) ^ high) + low),
      mixSecond(mixSecond((column.second + instant.second) ^ high) + low),
    );
  }

  /** Adds a cell of any length. */
  addBytes(column: HashSeed, instant: HashSeed, bytes: Uint8Array): void {
    const seed = {
      first: mixFirst(column.first + instant.first),
      second: mixSecond(column.second + instant.second),
    };
    const hash = hashBytes(seed, bytes);
    this.add(hash.first, hash.second);
  }

  /** Adds all cells of another sum: sums over neighbouring chunks are the sum over both. */
  addSum(other: CellSum): void {
    this.add(other.halves[0]!, other.halves[1]!);
    this.cells += other.cells - 1;
  }

  /** The sum as 16 hexadecimal digits. */
  get checksum(): string {
    return Array.from(this.halves, hex).join('');
  }

  static of(checksum: string, cells: number): CellSum {
    const sum = new CellSum();
    sum.add(Number.parseInt(checksum.slice(0, 8), 16), Number.parseInt(checksum.slice(8), 16));
    sum.cells = cells;
    return sum;
  }

  private add(high: number, low: number): void {
    this.cells += 1;
    const sum = (this.halves[1]! + low) | 0;
    const carry = sum >>> 0 < low >>> 0 ? 1 : 0;
    this.halves[1] = sum;
    this.halves[0]! += high + carry;
  }
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
