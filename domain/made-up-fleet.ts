import { assignFormats, madeUpChannel, type MadeUpChannel } from './made-up-channel.ts';
import { imoCheckDigit } from './ship.ts';
import { HOUR_US, MINUTE_US, SECOND_US } from './time.ts';

/** How far two samples of a channel lie apart on the ships. */
export const SAMPLE_INTERVAL_US = 15 * SECOND_US;

const realShips = [9976903, 9976915, 9976927, 9976939, 9986051, 9986063, 9986087, 9986104];
const FIRST_MADE_UP = 998_611;

/** The ids of a made-up fleet: the eight ships of HS4SD, then further numbers with right check digits. */
export function fleetShips(count: number): string[] {
  const furtherCount = Math.max(0, count - realShips.length);
  const further = Array.from({ length: furtherCount }, (_, index) => {
    const digits = String(FIRST_MADE_UP + index);
    return `${digits}${imoCheckDigit(digits)}`;
  });
  return [...realShips.slice(0, count), ...further].map((number) => `IMO${number}`);
}

/** The made-up channels of each ship. */
export type Fleet = ReadonlyMap<string, readonly MadeUpChannel[]>;

export function makeUpFleet(ships: number, channels: readonly string[], seed: number): Fleet {
  const formats = assignFormats(channels, seed);
  return new Map(
    fleetShips(ships).map((ship) => [
      ship,
      channels.map((channel) => madeUpChannel(ship, channel, formats.get(channel)!, seed)),
    ]),
  );
}

/** Half-open; at most an hour of one ship, the step in which data are looked for and made. */
export interface Block {
  ship: string;
  fromUs: number;
  toUs: number;
}

/** Hour after hour, the ships of one hour one after the other. */
export function blocksOf(ships: Iterable<string>, fromUs: number, toUs: number): Block[] {
  const blocks: Block[] = [];
  for (let startUs = fromUs; startUs < toUs; startUs += HOUR_US) {
    const endUs = Math.min(startUs + HOUR_US, toUs);
    blocks.push(...[...ships].map((ship) => ({ ship, fromUs: startUs, toUs: endUs })));
  }
  return blocks;
}

/** The minutes of blocks that {@link blocksOf} made: minute after minute, ships interleaved. */
export function* shipMinutes(blocks: readonly Block[]): Generator<Block> {
  for (let first = 0; first < blocks.length;) {
    const { fromUs: hourUs } = blocks[first]!;
    const after = blocks.findIndex(({ fromUs }, index) => index > first && fromUs !== hourUs);
    const sameHour = blocks.slice(first, after === -1 ? undefined : after);
    for (let fromUs = hourUs; fromUs < hourUs + HOUR_US; fromUs = nextMinuteUs(fromUs)) {
      for (const { ship, toUs } of sameHour.filter((block) => fromUs < block.toUs)) {
        yield { ship, fromUs, toUs: Math.min(nextMinuteUs(fromUs), toUs) };
      }
    }
    first += sameHour.length;
  }
}

const nextMinuteUs = (us: number): number => (Math.floor(us / MINUTE_US) + 1) * MINUTE_US;

export const instantsOf = ({ fromUs, toUs }: Block): number =>
  Math.ceil((toUs - fromUs) / SAMPLE_INTERVAL_US);

export const countCells = (blocks: readonly Block[], fleet: Fleet): number =>
  blocks.reduce((sum, block) => sum + instantsOf(block) * fleet.get(block.ship)!.length, 0);
