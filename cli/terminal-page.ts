import { printableLine } from '../domain/printable.ts';

/** A page of text that is always new: on a terminal in place, elsewhere one below the other. */
export interface TerminalPage extends Disposable {
  /** @param draw makes the lines for so many columns; called again when the terminal changes its size */
  show: (draw: (size: PageSize) => string[]) => void;
}

export interface PageSize {
  columns: number;
  rows: number;
}

const ESC = '\u001B[';
/** The other screen of the terminal, so that what was there comes back, without a cursor. */
const ENTER = `${ESC}?1049h${ESC}?25l${ESC}?7l`;
const LEAVE = `${ESC}?7h${ESC}?25h${ESC}?1049l`;
/** Drawn at once, and over what is there: nothing flickers. */
const [BEGIN, HOME, END_OF_LINE, REST, END] = ['?2026h', 'H', 'K', 'J', '?2026l'].map(
  (code) => `${ESC}${code}`,
) as [string, string, string, string, string];

export function openPage(stream: NodeJS.WriteStream = process.stdout): TerminalPage {
  return stream.isTTY ? onTerminal(stream) : onPaper(stream);
}

function onTerminal(stream: NodeJS.WriteStream): TerminalPage {
  let last: (size: PageSize) => string[] = () => [];
  const draw = () => {
    const { columns, rows } = stream;
    const lines = last({ columns, rows }).slice(0, Math.max(1, rows));
    const drawn = lines.map((line) => `${printableLine(line)}${END_OF_LINE}`).join('\n');
    stream.write(`${BEGIN}${HOME}${drawn}${REST}${END}`);
  };
  stream.write(ENTER);
  stream.on('resize', draw);
  return {
    show(page) {
      last = page;
      draw();
    },
    [Symbol.dispose]() {
      stream.removeListener('resize', draw);
      stream.write(LEAVE);
    },
  };
}

function onPaper(stream: NodeJS.WriteStream): TerminalPage {
  const size = { columns: Number.POSITIVE_INFINITY, rows: Number.POSITIVE_INFINITY };
  return {
    show: (draw) => void stream.write(`${draw(size).map(printableLine).join('\n')}\n`),
    [Symbol.dispose]: () => {},
  };
}
