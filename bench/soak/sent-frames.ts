import type { SensorStream } from '../../domain/sensor.ts';
import { startSimulator, type Simulator } from '../../simulator/start-simulator.ts';
import type { SentFrame } from './judge-recording.ts';
import { keyOf } from './read-segments.ts';

/** Small clouds: the witness is there for its age, not for its width. */
const POINTS = 500;

/** A sensor server that keeps what stands for each frame it sent, by stream. */
export async function startNotedSimulator(): Promise<{
  simulator: Simulator;
  sent: Record<SensorStream, SentFrame[]>;
}> {
  const sent: Record<SensorStream, SentFrame[]> = { output: [], points: [] };
  const simulator = await startSimulator({
    points: POINTS,
    onSent: ({ stream, connection, atMs }, payload) => {
      const bytes = payload();
      if (bytes) sent[stream].push({ key: keyOf(bytes), connection, atMs });
    },
  });
  return { simulator, sent };
}
