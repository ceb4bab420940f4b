/** A frame that the server handed to its socket; `key` stands for its bytes. */
export interface SentFrame {
  key: string;
  connection: number;
  atMs: number;
}

/** A connection as the server saw it. */
export interface ServerConnection {
  id: number;
  openedAtMs: number;
  /** Not set while it is open. */
  endedAtMs?: number;
}

/** A frame in a recording, in the order of the files. */
export interface RecordedFrame {
  key: string;
  atMs: number;
}

export interface RecordedGap {
  fromMs: number;
  toMs: number;
}

export interface RecordingEvidence {
  sent: readonly SentFrame[];
  connections: readonly ServerConnection[];
  /** When a process that held a connection was killed. */
  killsAtMs: readonly number[];
  recorded: readonly RecordedFrame[];
  gaps: readonly RecordedGap[];
}

/** Between the last recorded frame of one connection and the first of the next. */
export interface Hole {
  fromMs: number;
  toMs: number;
}

export interface RecordingVerdict {
  sent: number;
  recorded: number;
  /** Not recorded, and sent so shortly before their connection's end that no client may ever have had them. */
  inFlight: number;
  /** Milliseconds before the end of its connection at which the earliest frame in flight was sent. */
  longestInFlightMs: number;
  /** Not recorded, though their connection lived on. */
  lost: SentFrame[];
  /** Recorded more often than sent. */
  doubled: RecordedFrame[];
  /** Recorded, and never sent. */
  foreign: RecordedFrame[];
  /** Recorded after a frame that was sent later. */
  disordered: RecordedFrame[];
  holes: number;
  unrecordedHoles: Hole[];
  /** Gaps that no hole explains. */
  idleGaps: RecordedGap[];
}

/** A kill loses what was under way in kernel and event loop; the promise is that it is no more than this. */
export const IN_FLIGHT_MS = 250;
/** After a kill, the last message that the next process knows of is as old as a heartbeat. */
const GAP_STARTS_EARLIER_MS = 2_500;
const GAP_TOLERANCE_MS = 250;

/**
 * Compares what a server sent with what a client recorded.
 *
 * A frame counts as delivered when its connection lived for 250 ms more after it was handed to the server's socket: a
 * connection ends where the server saw it end, or where the process that held it was killed. Each delivered frame must
 * be in the recording once; one that was sent later than that may be, once. Each hole between two connections must be
 * one gap record, and each gap record a hole.
 */
export function judgeRecording(evidence: RecordingEvidence): RecordingVerdict {
  const matched = matchFrames(evidence);
  const endOf = endsOf(evidence);
  const missing = matched.missing.map((frame) => ({
    frame,
    beforeEndMs: endOf(frame.connection) - frame.atMs,
  }));
  const inFlight = missing.filter(({ beforeEndMs }) => beforeEndMs <= IN_FLIGHT_MS);
  const holes = holesOf(matched.found);
  return {
    sent: evidence.sent.length,
    recorded: evidence.recorded.length,
    inFlight: inFlight.length,
    longestInFlightMs: Math.max(0, ...inFlight.map(({ beforeEndMs }) => beforeEndMs)),
    lost: missing.filter((one) => !inFlight.includes(one)).map(({ frame }) => frame),
    doubled: matched.doubled,
    foreign: matched.foreign,
    disordered: disorderedOf(matched.found),
    holes: holes.length,
    ...judgeGaps(holes, gapsAfterStart(evidence)),
  };
}

interface Found {
  sent: SentFrame;
  /** Its place among all that were sent. */
  place: number;
  recorded: RecordedFrame;
}

/** Frames of the same bytes are told apart by their order. */
function matchFrames({ sent, recorded }: RecordingEvidence) {
  const places = new Map<string, number[]>();
  for (const [place, { key }] of sent.entries()) {
    const known = places.get(key);
    if (known) known.push(place);
    else places.set(key, [place]);
  }
  const keys = new Set(places.keys());
  const [found, doubled, foreign] = [[] as Found[], [] as RecordedFrame[], [] as RecordedFrame[]];
  for (const frame of recorded) {
    const place = places.get(frame.key)?.shift();
    if (place !== undefined) found.push({ sent: sent[place]!, place, recorded: frame });
    else (keys.has(frame.key) ? doubled : foreign).push(frame);
  }
  const missing = [...places.values()].flat().map((place) => sent[place]!);
  return { found, missing, doubled, foreign };
}

function endsOf({ connections, killsAtMs }: RecordingEvidence): (connection: number) => number {
  const ends = new Map(
    connections.map(({ id, openedAtMs, endedAtMs = Number.POSITIVE_INFINITY }) => {
      const kills = killsAtMs.filter((at) => at >= openedAtMs && at <= endedAtMs);
      return [id, Math.min(endedAtMs, ...kills)];
    }),
  );
  return (connection) => ends.get(connection) ?? Number.POSITIVE_INFINITY;
}

const disorderedOf = (found: readonly Found[]): RecordedFrame[] =>
  found.flatMap(({ place, recorded }, index) =>
    index > 0 && found[index - 1]!.place > place ? [recorded] : [],
  );

function holesOf(found: readonly Found[]): Hole[] {
  return found.flatMap((one, index): Hole[] => {
    const before = found[index - 1];
    if (!before || before.sent.connection === one.sent.connection) return [];
    return [{ fromMs: before.recorded.atMs, toMs: one.recorded.atMs }];
  });
}

/** Before the first message of all there was the start of the session, and that is a gap too. */
const gapsAfterStart = ({ recorded, gaps }: RecordingEvidence): RecordedGap[] =>
  gaps.filter(({ toMs }) => recorded[0] && toMs - recorded[0].atMs > GAP_TOLERANCE_MS);

function judgeGaps(holes: readonly Hole[], gaps: readonly RecordedGap[]) {
  const idleGaps = [...gaps];
  const unrecordedHoles = holes.filter((hole) => {
    const index = idleGaps.findIndex((gap) => describes(gap, hole));
    if (index >= 0) idleGaps.splice(index, 1);
    return index < 0;
  });
  return { unrecordedHoles, idleGaps };
}

const describes = (gap: RecordedGap, hole: Hole): boolean =>
  Math.abs(gap.toMs - hole.toMs) <= GAP_TOLERANCE_MS &&
  gap.fromMs <= hole.fromMs + GAP_TOLERANCE_MS &&
  gap.fromMs >= hole.fromMs - GAP_STARTS_EARLIER_MS;

/** What is wrong, in sentences; none when all is accounted for. */
export function faultsOfRecording(verdict: RecordingVerdict): string[] {
  const count = (list: readonly unknown[], what: string) =>
    list.length === 0 ? [] : [`${list.length} ${what}, the first: ${JSON.stringify(list[0])}`];
  return [
    ...(verdict.recorded === 0 ? ['nothing was recorded'] : []),
    ...count(verdict.lost, 'delivered messages are not in the recording'),
    ...count(verdict.doubled, 'messages are in the recording twice'),
    ...count(verdict.foreign, 'recorded messages were never sent'),
    ...count(verdict.disordered, 'messages are out of order'),
    ...count(verdict.unrecordedHoles, 'holes between connections have no gap record'),
    ...count(verdict.idleGaps, 'gap records have no hole'),
  ];
}
