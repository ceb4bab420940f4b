import type { Entry, FrameEntry } from './entry.ts';
import { Fifo } from './fifo.ts';
import type { Note } from './mcap/mcap-block.ts';
import { notes as noteWords } from './notes.ts';

const MOST_NOTES = 1_000;
/** A write of many tiny messages ends somewhere. */
const MOST_AT_ONCE = 10_000;

interface Waiting extends FrameEntry {
  /** What came before it. */
  notes: readonly Note[];
}

/**
 * Frames and notes in the order in which they came. A frame that is dropped leaves its notes behind; of notes without
 * frames, the newest thousand are kept.
 */
export class EntryQueue {
  readonly #frames = new Fifo<Waiting>();
  /** What came after the last frame. */
  #notes: readonly Note[] = [];
  #omitted = 0;

  get frames(): number {
    return this.#frames.length;
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0 && this.#notes.length === 0;
  }

  push(frame: FrameEntry): void {
    this.#frames.push({ ...frame, notes: this.#takeNotes() });
  }

  note(note: Note): void {
    this.#keepNotes([...this.#notes, note]);
  }

  dropOldest(): FrameEntry | undefined {
    const dropped = this.#frames.shift();
    if (dropped === undefined || dropped.notes.length === 0) return dropped;
    const next = this.#frames.shift();
    if (next === undefined) this.#keepNotes([...dropped.notes, ...this.#notes]);
    else
      this.#frames.unshift([{ ...next, notes: this.#limited([...dropped.notes, ...next.notes]) }]);
    return dropped;
  }

  /** @returns the oldest entries, with at least one frame where there is one, and else no more than `maxBytes` of them */
  take(maxBytes: number): Entry[] {
    const entries: Entry[] = [];
    for (let bytes = 0, count = 0; count < MOST_AT_ONCE; count++) {
      const next = this.#frames.first;
      bytes += next?.frame.bytes.byteLength ?? 0;
      if (next === undefined || (count > 0 && bytes > maxBytes)) break;
      const { notes, ...frame } = this.#frames.shift()!;
      entries.push(...notes, frame);
    }
    if (this.#frames.length === 0) entries.push(...this.#takeNotes());
    return entries;
  }

  /** Puts back what could not be written. */
  unshift(entries: readonly Entry[]): void {
    let notes: readonly Note[] = [];
    const frames: Waiting[] = [];
    for (const entry of entries) {
      if ('kind' in entry) {
        frames.push({ ...entry, notes });
        notes = [];
      } else {
        notes = [...notes, entry];
      }
    }
    const next = this.#frames.shift();
    if (next === undefined) this.#keepNotes([...notes, ...this.#notes]);
    else frames.push({ ...next, notes: [...notes, ...next.notes] });
    this.#frames.unshift(frames);
  }

  #takeNotes(): readonly Note[] {
    const omitted = this.#omitted > 0 ? [noteWords.omitted(this.#omitted)] : [];
    const notes = [...omitted, ...this.#notes];
    this.#notes = [];
    this.#omitted = 0;
    return notes;
  }

  #keepNotes(notes: readonly Note[]): void {
    this.#notes = this.#limited(notes);
  }

  #limited(notes: readonly Note[]): readonly Note[] {
    this.#omitted += Math.max(0, notes.length - MOST_NOTES);
    return notes.slice(-MOST_NOTES);
  }
}
