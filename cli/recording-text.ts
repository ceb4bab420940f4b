import type {
  RecordingInfo,
  RecordingState,
} from '../activities/sensor/recording/recording-info.ts';
import { formatBytes, formatCount } from '../domain/format-figures.ts';
import { formatDurationMs } from '../domain/time.ts';
import { renderTable } from './table.ts';

/** More lines of a kind are counted only; `--json` has them all. */
const MOST_LINES = 20;

/** A file that could not be read at all. */
export type UnreadableRecording = { file: string; state: 'unreadable'; error: string };

/** A recording for people. */
export function textOfRecording(info: RecordingInfo | UnreadableRecording): string {
  if (info.state === 'unreadable') return `${info.file}\n  not readable: ${info.error}`;
  return [
    info.file,
    ...[stateOf(info), originOf(info), spanOf(info)].flatMap((line) => (line ? [`  ${line}`] : [])),
    ...indented(channelsOf(info)),
    ...listOf('connection event', info.connections.map(connectionLine)),
    ...listOf('gap', info.gaps.map(gapLine)),
    ...listOf('stop of the recording', info.stops.map(stopLine)),
    ...droppedLine(info),
    ...listOf(
      'repair',
      info.repairs.map(({ at, from }) => `${at}  from ${from}`),
    ),
    ...listOf(
      'damage',
      info.damage.map(({ offset, bytes, what }) => `at byte ${offset}: ${bytes} bytes: ${what}`),
    ),
    ...adviceOf(info),
  ].join('\n');
}

const quoted = (file: string): string => (/^[\w./%+-]+$/.test(file) ? file : `'${file}'`);

function stateOf({ state, unfinishedBytes, damage }: RecordingInfo): string {
  const tail =
    unfinishedBytes > 0 ? `; ${unfinishedBytes} bytes of an unfinished record at its end` : '';
  const count = damage.length === 1 ? '1 place' : `${damage.length} places`;
  const words = {
    complete: 'complete: every checksum is right',
    'being-written': 'being written: its writer lives',
    unfinished: `not finished: its writer died${tail}`,
    damaged: `damaged: ${count} that cannot be read${tail}`,
  } as const satisfies Record<RecordingState, string>;
  return words[state];
}

function originOf({ sensor, stream, writer, bytes }: RecordingInfo): string {
  const from = sensor ? `sensor ${sensor}, stream ${stream}` : 'not a recording of Fairlead';
  const by = writer ? `, written on ${writer.host} by process ${writer.pid}` : '';
  return `${from}${by}; ${formatBytes(bytes)}`;
}

function spanOf({ from, to, messages }: RecordingInfo): string {
  if (from === undefined || to === undefined) return 'no messages';
  const duration = formatDurationMs(Date.parse(to) - Date.parse(from));
  return `${from} → ${to} (${duration}), ${formatCount(messages)} messages`;
}

function channelsOf({ channels }: RecordingInfo): string[] {
  if (channels.length === 0) return [];
  const right = { align: 'right' } as const;
  const titles = [
    { title: 'topic' },
    { title: 'messages', ...right },
    { title: 'size', ...right },
    { title: 'first' },
    { title: 'last' },
  ];
  const rows = channels.map(({ topic, messages, bytes, from, to }) => [
    topic,
    messages,
    formatBytes(bytes),
    from,
    to,
  ]);
  return renderTable(titles, rows).split('\n');
}

function connectionLine(fields: Record<string, string>): string {
  const { event, at, attempt, localPort, reason, detail, endedAt, messages } = fields;
  if (event === 'opened') return `${at}  opened from port ${localPort}, attempt ${attempt}`;
  return `${endedAt}  ${reason}: ${detail} (${messages} messages)`;
}

const gapLine = ({ from, to, seconds }: Record<string, string>): string =>
  `${from} → ${to} (${formatDurationMs(Number(seconds) * 1_000)})`;

const stopLine = ({ from, to, reason }: RecordingInfo['stops'][number]): string =>
  `${from} → ${to ?? 'its end'}: ${reason}`;

const droppedLine = ({ dropped: { messages, bytes } }: RecordingInfo): string[] =>
  messages === 0 ? [] : [`  dropped: ${formatCount(messages)} messages, ${formatBytes(bytes)}`];

const plural = (word: string, count: number): string =>
  count === 1 || word === 'damage' ? word : word.replace(/^\w+/, '$&s');

function listOf(word: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const more = lines.length - MOST_LINES;
  return [
    `  ${formatCount(lines.length)} ${plural(word, lines.length)}:`,
    ...lines.slice(0, MOST_LINES).map((line) => `    ${line}`),
    ...(more > 0 ? [`    … and ${formatCount(more)} more, with --json`] : []),
  ];
}

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

const adviceOf = ({ state, file }: RecordingInfo): string[] =>
  state === 'unfinished' || state === 'damaged'
    ? [`  → fairlead recording repair ${quoted(file)}`]
    : [];
