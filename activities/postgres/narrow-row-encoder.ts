import { POSTGRES_EPOCH_US } from './copy-binary.ts';
import {
  isAbsent,
  madeUpNumber,
  madeUpState,
  madeUpWords,
  type MadeUpChannel,
} from '../../domain/made-up-channel.ts';
import { SAMPLE_INTERVAL_US } from '../../domain/made-up-fleet.ts';
import { SECOND_US } from '../../domain/time.ts';
import type { NarrowColumn } from './narrow-table.ts';

/** The order of the fields in the tuples that {@link ShipEncoder} makes: times first, at offsets that never change. */
export const encodedColumns = [
  'created_time',
  'server_created_time',
  'ship_id',
  'data_channel_id',
  'value_format',
  'bool_v',
  'str_v',
  'long_v',
  'double_v',
] as const satisfies readonly NarrowColumn[];

const CREATED_OFFSET = 2 + 4;
const SERVER_OFFSET = CREATED_OFFSET + 8 + 4;
const TWO_32 = 0x1_0000_0000;

/** A channel's tuples, ready but for times and number: one with no value, and one per state or one for numbers. */
interface ChannelTemplates {
  channel: MadeUpChannel;
  absent: Buffer;
  states: Buffer[];
  /** Where the eight bytes of the number go; negative where there is none. */
  numberOffset: number;
}

/** Turns the made-up channels of one ship into tuples of COPY's binary format, a minute at a time. */
export class ShipEncoder {
  readonly #templates: ChannelTemplates[];
  readonly #maxBytes: number;

  constructor(ship: string, channels: readonly MadeUpChannel[]) {
    this.#templates = channels.map((channel) => templatesOf(ship, channel));
    this.#maxBytes = this.#templates
      .map(({ states }) => Math.max(...states.map(({ length }) => length)))
      .reduce((sum, bytes) => sum + bytes, 0);
  }

  /**
   * All samples in `[fromUs, toUs)`, channel after channel: the key's index takes them faster than instant after
   * instant, because neighbours in it come one after the other.
   */
  encode(fromUs: number, toUs: number, serverUs: number): Buffer {
    const samples = samplesIn(fromUs, toUs);
    const target = Buffer.allocUnsafe(this.#maxBytes * samples.length);
    const view = new DataView(target.buffer, target.byteOffset, target.length);
    const server = sincePostgresEpoch(serverUs);
    let offset = 0;
    for (const templates of this.#templates) {
      for (const { created, epochSeconds } of samples) {
        const tuple = chooseTemplate(templates, epochSeconds);
        target.set(tuple, offset);
        writeHalves(view, offset + CREATED_OFFSET, created);
        writeHalves(view, offset + SERVER_OFFSET, server);
        if (tuple !== templates.absent) writeNumber(view, offset, templates, epochSeconds);
        offset += tuple.length;
      }
    }
    return target.subarray(0, offset);
  }
}

function samplesIn(fromUs: number, toUs: number) {
  const count = Math.ceil((toUs - fromUs) / SAMPLE_INTERVAL_US);
  return Array.from({ length: count }, (_, index) => {
    const us = fromUs + index * SAMPLE_INTERVAL_US;
    return { created: sincePostgresEpoch(us), epochSeconds: Math.round(us / SECOND_US) };
  });
}

function chooseTemplate(templates: ChannelTemplates, epochSeconds: number): Buffer {
  const { channel, states, absent } = templates;
  if (isAbsent(channel, epochSeconds)) return absent;
  return states.length === 1
    ? states[0]!
    : states[madeUpState(channel, epochSeconds, states.length)]!;
}

function writeNumber(
  view: DataView,
  start: number,
  { channel, numberOffset }: ChannelTemplates,
  epochSeconds: number,
): void {
  if (numberOffset < 0) return;
  const value = madeUpNumber(channel, epochSeconds);
  if (channel.format === 'Decimal') view.setFloat64(start + numberOffset, value);
  else writeHalves(view, start + numberOffset, halvesOf(value));
}

/** An int64 as two 32-bit halves, so that no BigInt is made per cell. */
type Halves = readonly [high: number, low: number];

const halvesOf = (value: number): Halves => {
  const high = Math.floor(value / TWO_32);
  return [high, value - high * TWO_32];
};

const sincePostgresEpoch = (epochUs: number): Halves => halvesOf(epochUs - POSTGRES_EPOCH_US);

function writeHalves(view: DataView, offset: number, [high, low]: Halves): void {
  view.setInt32(offset, high);
  view.setUint32(offset + 4, low);
}

function templatesOf(ship: string, channel: MadeUpChannel): ChannelTemplates {
  const head = tuple([eight, eight, text(ship), text(channel.channel), text(channel.format)]);
  const withValues = (...values: (Buffer | null)[]) =>
    Buffer.concat([head, ...values.map((value) => field(value))]);
  const absent = withValues(null, null, null, null);
  switch (channel.format) {
    case 'Decimal': {
      const states = [withValues(null, null, null, eight)];
      return { channel, absent, states, numberOffset: states[0]!.length - 8 };
    }
    case 'Integer': {
      const states = [withValues(null, null, eight, null)];
      return { channel, absent, states, numberOffset: states[0]!.length - 12 };
    }
    case 'Boolean': {
      const states = [0, 1].map((bit) => withValues(Buffer.from([bit]), null, null, null));
      return { channel, absent, states, numberOffset: -1 };
    }
    case 'String': {
      const states = madeUpWords.map((word) => withValues(null, text(word), null, null));
      return { channel, absent, states, numberOffset: -1 };
    }
    default:
      return channel.format satisfies never;
  }
}

const FIELDS = encodedColumns.length;
const eight = Buffer.alloc(8);
const text = (value: string): Buffer => Buffer.from(value, 'utf8');

const tuple = (fields: Buffer[]): Buffer =>
  Buffer.concat([Buffer.from([0, FIELDS]), ...fields.map((value) => field(value))]);

function field(value: Buffer | null): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(value === null ? -1 : value.length);
  return value === null ? length : Buffer.concat([length, value]);
}
