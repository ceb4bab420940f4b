/** The value formats that generated channels have, with the share of channels that has each. */
const shares = [
  ['String', 0.02],
  ['Boolean', 0.02],
  ['Integer', 0.08],
] as const;

export type MadeUpFormat = (typeof shares)[number][0] | 'Decimal';

/** One channel of one made-up ship: what it says at an instant follows from the seed alone. */
export interface MadeUpChannel {
  readonly channel: string;
  readonly format: MadeUpFormat;
  /** Half of the distance between lowest and highest value. */
  readonly amplitude: number;
  readonly middle: number;
  readonly periodSeconds: number;
  readonly phase: number;
  /** Feeds the noise. */
  readonly seed: number;
}

/** The words that String channels say, and no other. */
export const madeUpWords = ['STOPPED', 'STANDBY', 'RUNNING', 'ALARM', 'Ölstand prüfen ⚠'] as const;

const ABSENT = 1 / 500;
const NOISE = 0.02;

/** A well mixed 32-bit hash of two 32-bit numbers. */
export function mix(a: number, b: number): number {
  let h = Math.imul(a ^ (b + 0x9e3779b9 + (a << 6) + (a >>> 2)), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** As {@link mix}, in `[0, 1)`. */
const fraction = (a: number, b: number): number => mix(a, b) / 0x1_0000_0000;

const hashText = (text: string, seed: number): number =>
  Array.from(text, (letter) => letter.codePointAt(0)!).reduce(mix, seed | 0);

/** Gives each channel its format, the same on every ship: ranked by hash, so that the shares are met exactly. */
export function assignFormats(
  channels: readonly string[],
  seed: number,
): Map<string, MadeUpFormat> {
  const ranked = channels
    .map((channel) => ({ channel, rank: hashText(channel, seed) }))
    .toSorted((a, b) => a.rank - b.rank || (a.channel < b.channel ? -1 : 1));
  const formats = shares.flatMap(([format, share]) =>
    Array.from({ length: Math.round(share * channels.length) }, () => format),
  );
  return new Map(ranked.map(({ channel }, index) => [channel, formats[index] ?? 'Decimal']));
}

export function madeUpChannel(
  ship: string,
  channel: string,
  format: MadeUpFormat,
  fleetSeed: number,
): MadeUpChannel {
  const seed = hashText(channel, hashText(ship, fleetSeed));
  const middle = 10 ** (fraction(seed, 1) * 4) * (fraction(seed, 2) < 0.1 ? -1 : 1);
  return {
    channel,
    format,
    seed,
    middle,
    amplitude: Math.abs(middle) * (0.05 + fraction(seed, 3) * 0.3),
    periodSeconds: 600 + fraction(seed, 4) * 40_000,
    phase: fraction(seed, 5) * 2 * Math.PI,
  };
}

/** True for the few cells that the ship sends without a value. */
export const isAbsent = (channel: MadeUpChannel, epochSeconds: number): boolean =>
  fraction(channel.seed ^ 0x5bd1e995, epochSeconds) < ABSENT;

/** A slow wave with a little noise, in thousandths; whole for Integer. */
export function madeUpNumber(channel: MadeUpChannel, epochSeconds: number): number {
  const noise = (fraction(channel.seed, epochSeconds) - 0.5) * NOISE;
  const value = channel.middle + channel.amplitude * (wave(channel, epochSeconds) + noise);
  return channel.format === 'Integer' ? Math.round(value) : Math.round(value * 1_000) / 1_000;
}

/** Which of `count` states a Boolean or String channel is in; it stays there for minutes. */
export function madeUpState(channel: MadeUpChannel, epochSeconds: number, count: number): number {
  const level = (wave(channel, epochSeconds) + 1) / 2;
  return Math.min(count - 1, Math.floor(level * count));
}

const wave = ({ periodSeconds, phase }: MadeUpChannel, epochSeconds: number): number =>
  Math.sin((epochSeconds / periodSeconds) * 2 * Math.PI + phase);
