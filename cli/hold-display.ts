import type { SensorLog } from '../activities/sensor/sensor-log.ts';
import { jsonText, printableMessage } from '../domain/printable.ts';
import type { SensorEvent, StreamStatus } from '../domain/sensor.ts';
import { createLog } from '../workers/install-runtime.ts';
import { sensorLogOf } from '../workers/open-configured-sensor.ts';
import { lineOf, rateLineOf } from './hold-lines.ts';

const LIVE_LINE_EVERY_MS = 1_000;
const PLAIN_LINE_EVERY_MS = 60_000;
const CLEAR_LINE = '\r\u001B[2K';

/** How `sensor hold` shows what happens. */
export interface HoldDisplay extends Disposable {
  readonly log: SensorLog;
  event: (event: SensorEvent) => void;
  /** Shows the rates from now on. */
  watch: (status: () => StreamStatus) => void;
}

/** One JSON line per event on stdout, the log on stderr. */
export const jsonDisplay = (): HoldDisplay => ({
  log: sensorLogOf(createLog()),
  event: ({ at, event, sensor, ...fields }) =>
    void process.stdout.write(`${jsonText({ at, event, sensor, ...fields })}\n`),
  watch: () => {},
  [Symbol.dispose]: () => {},
});

/** A line per event; on a terminal a last line with rates that is always new, without one such a line now and then. */
export function humanDisplay(): HoldDisplay {
  const live = process.stderr.isTTY;
  let timer: NodeJS.Timeout | undefined;
  let last = '';
  let before: SensorEvent['event'] | undefined;
  const rewrite = (line: string) => {
    if (live) process.stderr.write(`${CLEAR_LINE}${line.slice(0, process.stderr.columns - 1)}`);
    last = line;
  };
  const say = (stream: NodeJS.WriteStream, line: string) => {
    const below = last;
    rewrite('');
    stream.write(`${printableMessage(line)}\n`);
    rewrite(below);
  };
  const warn = (message: string, fields: Record<string, unknown> = {}) =>
    say(process.stderr, `${new Date().toISOString().slice(0, 19)}Z  ${message}${inWords(fields)}`);
  return {
    log: { info: () => {}, warn, error: warn },
    event: (event) => {
      say(process.stdout, lineOf(event, before));
      before = event.event;
    },
    watch: (status) => {
      timer = live
        ? setInterval(() => rewrite(rateLineOf(status())), LIVE_LINE_EVERY_MS)
        : setInterval(() => say(process.stderr, rateLineOf(status())), PLAIN_LINE_EVERY_MS);
    },
    [Symbol.dispose]: () => {
      clearInterval(timer);
      rewrite('');
    },
  };
}

/** `: reason no space left, file x.mcap`. */
function inWords(fields: Record<string, unknown>): string {
  const words = Object.entries(fields).map(
    ([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return words.length > 0 ? `: ${words.join(', ')}` : '';
}
