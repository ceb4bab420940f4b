import { MultiBar, type SingleBar } from 'cli-progress';
import { formatCount } from '../domain/format-figures.ts';
import { printableLine, printableMessage } from '../domain/printable.ts';
import { formatDurationMs } from '../domain/time.ts';

/** One piece of long work, such as a ship; `total` may change while it runs. */
export interface ProgressTask {
  readonly update: (done: number, total?: number) => void;
  /**
   * Says something else than figures; what is done when they come again tells nothing about the rate.
   *
   * @param share 0 to 1, for the bar
   */
  readonly say: (text: string, share: number) => void;
}

export interface Progress extends Disposable {
  /** @param start what was done before, and so tells nothing about the rate */
  readonly task: (name: string, total: number, start?: number) => ProgressTask;
  /** Writes a line without tearing the bars. */
  readonly note: (sentence: string) => void;
}

export interface ProgressOptions {
  /** What is counted: `cells`, unless told otherwise; of `%` is said nothing but the share. */
  unit?: string;
  stream?: NodeJS.WriteStream;
  /** How often a plain line is written where there is no terminal. */
  everyMs?: number;
  now?: () => number;
}

const PLAIN_LINE_EVERY_MS = 10_000;

/** Bars on a terminal, plain lines now and then without one; always on stderr, so that stdout stays clean. */
export function openProgress(options: ProgressOptions = {}): Progress {
  const stream = options.stream ?? process.stderr;
  const settings = { unit: 'cells', everyMs: PLAIN_LINE_EVERY_MS, now: Date.now, ...options };
  return stream.isTTY ? barProgress(stream, settings) : lineProgress(stream, settings);
}

type Settings = Required<Pick<ProgressOptions, 'unit' | 'everyMs' | 'now'>>;

function barProgress(stream: NodeJS.WriteStream, { unit, now }: Settings): Progress {
  const bars = new MultiBar({
    stream,
    format: `{name} {bar} {summary}`,
    barsize: 24,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: false,
    fps: 5,
    gracefulExit: true,
    linewrap: false,
  });
  return {
    task: (named, total, start = 0) => {
      let pace: Pace | undefined = new Pace(start, now);
      const name = printableLine(named);
      const bar: SingleBar = bars.create(Math.max(1, total), start, { name, summary: '' });
      let all = total;
      return {
        update(done, newTotal = all) {
          all = newTotal;
          pace ??= new Pace(done, now);
          bar.setTotal(Math.max(1, all));
          bar.update(done, { summary: pace.summarize(done, all, unit) });
        },
        say(text, share) {
          pace = undefined;
          bar.setTotal(1);
          bar.update(share, { summary: text });
        },
      };
    },
    note: (sentence) => bars.log(`${printableMessage(sentence)}\n`),
    [Symbol.dispose]: () => bars.stop(),
  };
}

function lineProgress(stream: NodeJS.WriteStream, { unit, everyMs, now }: Settings): Progress {
  const write = (line: string) => void stream.write(`${printableMessage(line)}\n`);
  return {
    task: (name, total, start = 0) => {
      let pace: Pace | undefined = new Pace(start, now);
      let [all, saidAt] = [total, now()];
      const sayNowAndThen = (text: () => string) => {
        if (now() - saidAt < everyMs) return;
        saidAt = now();
        write(`${printableLine(name)}: ${text()}`);
      };
      return {
        update(done, newTotal = all) {
          all = newTotal;
          pace ??= new Pace(done, now);
          sayNowAndThen(() => pace!.summarize(done, all, unit));
        },
        say(text) {
          pace = undefined;
          sayNowAndThen(() => text);
        },
      };
    },
    note: write,
    [Symbol.dispose]: () => {},
  };
}

/** How fast a task is, from its start on. */
class Pace {
  readonly #start: number;
  readonly #now: () => number;
  readonly #startedAt: number;

  constructor(start: number, now: () => number) {
    this.#start = start;
    this.#now = now;
    this.#startedAt = now();
  }

  /** `42 % · 1,272,499 of 3,029,760 cells · 310,000 cells/s · 6s left` */
  summarize(done: number, total: number, unit: string): string {
    const perMs = (done - this.#start) / Math.max(1, this.#now() - this.#startedAt);
    const percent = total > 0 ? Math.floor((done / total) * 100) : 100;
    const parts = [`${percent} %`];
    if (unit !== '%') {
      parts.push(`${formatCount(done)} of ${formatCount(total)} ${unit}`);
      if (perMs > 0) parts.push(`${formatCount(perMs * 1_000)} ${unit}/s`);
    }
    if (perMs > 0 && done < total) parts.push(`${leftOf((total - done) / perMs)} left`);
    return parts.join(' · ');
  }
}

const leftOf = (ms: number): string =>
  formatDurationMs(Math.max(1_000, Math.ceil(ms / 1_000) * 1_000));
