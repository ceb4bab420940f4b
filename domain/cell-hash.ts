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
  private high = 0;
  private low = 0;

  /** Adds a cell of eight bytes (or of fewer, with zeros before them), given as two 32-bit words. */
  addWords(column: HashSeed, instant: HashSeed, high: number, low: number): void {
    this.add(
      mixFirst(mixFirst(mixFirst(column.first + instant.first) ^ high) + low),
      mixSecond(mixSecond(mixSecond(column.second + instant.second) ^ high) + low),
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
    this.add(other.high, other.low);
    this.cells += other.cells - 1;
  }

  /** The sum as 16 hexadecimal digits. */
  get checksum(): string {
    return hex(this.high) + hex(this.low);
  }

  static of(checksum: string, cells: number): CellSum {
    const sum = new CellSum();
    sum.add(Number.parseInt(checksum.slice(0, 8), 16), Number.parseInt(checksum.slice(8), 16));
    sum.cells = cells;
    return sum;
  }

  private add(high: number, low: number): void {
    this.cells += 1;
    this.low += low >>> 0;
    const carry = this.low >= 2 ** 32 ? 1 : 0;
    this.low -= carry * 2 ** 32;
    this.high = (this.high + (high >>> 0) + carry) % 2 ** 32;
  }
}

const hex = (word: number): string => word.toString(16).padStart(8, '0');
