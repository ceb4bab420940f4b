import { checkedOptions } from './fault-schemas.ts';
import {
  faultNames,
  garbageKinds,
  isFaultName,
  restFaultKinds,
  type FaultName,
  type FaultOptions,
} from './faults.ts';

/** What a line such as `close 1011 Writing buffer is full` says. */
export type FaultOrder =
  | { order: 'set'; name: FaultName; options: FaultOptions[FaultName] }
  | { order: 'clear'; name?: FaultName };

/** For people: each fault, how it is typed, and what it does. */
export const faultHelp = `  silent [output|points]            no messages; pongs and handshakes go on
  mute                              everything is read, nothing is said: no pong, no handshake
  stall                             nothing is read, nothing is said, as of a stopped process
  refuse                            nobody listens; open connections stay
  close [code] [reason] [keep]      closes every connection (1011 unless said; 1006: without a close
                                    frame); with "keep" each new one too
  reset [keep] [at=accept]          ends every connection with RST; with "keep" each new one too
  trickle [everyMs=500]             one byte of the handshake's answer at a time, and no end of it
  slow [everyMs=5000]               a slow reader: pongs come late
  late [delayMs=5000]               pongs come so much later; all else goes on
  garbage [${garbageKinds.join('|')}] [every=n]
                                    what is sent in place of each, or each n-th, message
  health [master=5]                 the health that is told; 5 is OUTPUT_BUFFER_OVERFLOW
  rest [${restFaultKinds.join('|')}] [status=503] [times=n] [method=GET] [path=zone]
  clear [fault], or <fault> off     ends one fault, or all`;

const switches = new Set(['on', 'keep']);

/**
 * Reads one line: a fault's name, then words in any order.
 *
 * @throws {RangeError} with a sentence that tells what there is
 */
export function parseFaultLine(line: string): FaultOrder {
  const [name = '', ...words] = line.trim().split(/\s+/);
  if (name === 'clear') return clearing(words[0]);
  if (!isFaultName(name)) throw unknownFault(name);
  if (words.includes('off')) return { order: 'clear', name };
  return { order: 'set', name, options: checkedOptions(name, optionsOf(name, words)) };
}

function clearing(name: string | undefined): FaultOrder {
  if (name === undefined || name === 'all') return { order: 'clear' };
  if (!isFaultName(name)) throw unknownFault(name);
  return { order: 'clear', name };
}

const unknownFault = (name: string): RangeError =>
  new RangeError(`there is no fault "${name}"; there are ${faultNames.join(', ')}`);

function optionsOf(name: FaultName, words: readonly string[]): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  const others: string[] = [];
  for (const word of words) {
    const [, key, value] = /^(\w+)=(.*)$/.exec(word) ?? [];
    if (key !== undefined) options[key] = valueOf(value!);
    else if (word === 'output' || word === 'points') options['stream'] = word;
    else if (!switches.has(word)) others.push(word);
  }
  if (words.includes('keep')) options['keep'] = true;
  return { ...options, ...bareOptions(name, others) };
}

const valueOf = (text: string): unknown => (/^\d+$/.test(text) ? Number(text) : text);

/** The options of a fault that need no name: its number, and its word (a reason may have several). */
const nameless: { readonly [N in FaultName]?: { number?: string; word?: string } } = {
  close: { number: 'code', word: 'reason' },
  health: { number: 'master' },
  trickle: { number: 'everyMs' },
  slow: { number: 'everyMs' },
  late: { number: 'delayMs' },
  garbage: { number: 'every', word: 'kind' },
  rest: { number: 'status', word: 'kind' },
};

function bareOptions(name: FaultName, bare: readonly string[]): Record<string, unknown> {
  const keys = nameless[name] ?? {};
  const numbers = keys.number ? bare.filter((word) => /^\d+$/.test(word)).slice(0, 1) : [];
  const words = bare.filter((word) => !numbers.includes(word));
  const known = keys.word === undefined ? 0 : name === 'close' ? words.length : 1;
  if (words.length > known) throw new RangeError(`${name} does not know "${words[known]}"`);
  return {
    ...(numbers.length > 0 && { [keys.number!]: Number(numbers[0]) }),
    ...(words.length > 0 && { [keys.word!]: words.join(' ') }),
  };
}
