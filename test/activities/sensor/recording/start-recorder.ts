import { spawn } from 'node:child_process';

const DIST = new URL('../../../../dist/activities/sensor/', import.meta.url).href;

/**
 * A process that records message after message, each as large as told, and prints the number of each that was handed to
 * the operating system. It runs what `npm test` compiled.
 */
export function startRecorder(folder: string, bytes: number, rotateEveryMs = 150) {
  const script = `
    import { openStreamConsumer } from '${DIST}recording/stream-consumer.js';
    import { messageTypes } from '${DIST}protocol/sensr-messages.js';
    const ignore = () => {};
    const consumer = await openStreamConsumer({
      sensor: 'pier-3', stream: 'output',
      recording: { folder: ${JSON.stringify(folder)}, rotateEveryMs: ${rotateEveryMs}, rotateBytes: 1e9, keepBytes: 1e10 },
      log: { info: ignore, warn: ignore, error: ignore }, onDecoded: ignore, onUndecodable: ignore,
      onDropped: ignore, onSegment: ignore, onRecordingStopped: ignore, onRecordingResumed: ignore,
    });
    for (let id = 0; ; id++) {
      const points = Buffer.alloc(${bytes}, id);
      const message = messageTypes.output.encode({ stream: { objects: [{ id, points }] } }).finish();
      consumer.offer({ bytes: Buffer.from(message), isBinary: true, receivedAtNs: BigInt(Date.now()) * 1000000n });
      while (consumer.status.queuedBytes > 0) await new Promise(setImmediate);
      process.stdout.write(id + '\\n');
    }`;
  return spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
