import { array, assert, constantFrom, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EntryQueue } from '../../../../activities/sensor/recording/entry-queue.ts';
import type { Entry } from '../../../../activities/sensor/recording/entry.ts';
import { frameOf, upTo } from './recording-lab.ts';

const frame = (sequence: number) => ({ kind: 'message', sequence, frame: frameOf('x') }) as const;
const note = (name: string) => ({ name, fields: {} });
const label = (entry: Entry) => ('kind' in entry ? entry.sequence : entry.name);

describe('EntryQueue', () => {
  it('keeps the order of frames and notes, whatever is taken, put back and dropped', () => {
    const steps = array(constantFrom('frame', 'note', 'take', 'return', 'drop'), {
      maxLength: 200,
    });
    assert(
      property(steps, (done) => {
        const queue = new EntryQueue();
        const expected: (number | string)[] = [];
        const taken: (number | string)[] = [];
        done.forEach((step, index) => {
          if (step === 'frame') {
            queue.push(frame(index));
            expected.push(index);
          } else if (step === 'note') {
            queue.note(note(`note ${index}`));
            expected.push(`note ${index}`);
          } else if (step === 'take') {
            taken.push(...queue.take(3).map(label));
          } else if (step === 'return') {
            queue.unshift(queue.take(5));
          } else {
            const dropped = queue.dropOldest();
            if (dropped) expected.splice(expected.indexOf(dropped.sequence), 1);
          }
        });
        while (!queue.isEmpty) taken.push(...queue.take(1).map(label));
        expect(taken).toEqual(expected);
      }),
    );
  });

  it('takes no more bytes than asked for, but at least one frame', () => {
    const queue = new EntryQueue();
    for (const sequence of upTo(5)) queue.push(frame(sequence));
    expect(queue.take(0).map(label)).toEqual([0]);
    expect(queue.take(3).map(label)).toEqual([1, 2, 3]);
    expect(queue.frames).toBe(1);
  });

  it('keeps the newest thousand notes, and says how many it left out', () => {
    const queue = new EntryQueue();
    for (const index of upTo(1_500)) queue.note(note(`note ${index}`));
    const entries = queue.take(1);
    expect(entries).toHaveLength(1_001);
    expect(entries[0]).toEqual({ name: 'omitted', fields: { notes: '500' } });
    expect(entries.at(-1)).toEqual(note('note 1499'));
  });
});
