import { setTimeout as sleep } from 'node:timers/promises';
import { heartbeatProfiles, type HeartbeatProfileName } from '../../domain/sensor.ts';
import type { BenchPart, Surroundings } from './bench-part.ts';
import { judged, rounded, type Figure } from './figure.ts';
import { HeldStream } from './held-stream.ts';
import { StoppedTogether } from './stopped-together.ts';
import { startServer } from './simulated-server.ts';

const TRIES = 10;
const profiles = Object.keys(heartbeatProfiles) as HeartbeatProfileName[];

/** Seconds from the last sign of a peer's life to the notice; the tries meet all phases of the heartbeat. */
export const deadPeer: BenchPart = {
  name: 'dead-peer',
  isAlone: false,
  afterMs: 15_000,
  measure: async (around) =>
    (await Promise.all(profiles.map((profile) => measure(profile, around)))).flat(),
};

async function measure(
  profile: HeartbeatProfileName,
  { folder, say }: Surroundings,
): Promise<Figure[]> {
  const { pingEveryMs, pongWithinMs } = heartbeatProfiles[profile];
  const boundMs = pingEveryMs + pongWithinMs;
  const cwd = { cwd: folder };
  await using server = await startServer([], cwd);
  await using all = new StoppedTogether();
  const held: HeldStream[] = [];
  for (let index = 0; index < TRIES; index++) {
    held.push(all.use(new HeldStream(server.urls.output, ['--profile', profile], cwd)));
    await sleep(pingEveryMs / TRIES);
  }
  await Promise.all(held.map((one) => one.event('open')));
  say(`profile ${profile}: the server falls dumb for ${TRIES} clients`);
  const deadAtMs = Date.now();
  await server.fault('mute');
  const noticed = await Promise.all(
    held.map((one) => one.event('dead-peer', { timeoutMs: boundMs * 2 })),
  );
  const seconds = noticed.map(({ at }) => rounded((Date.parse(at) - deadAtMs) / 1_000));
  return [
    judged({
      part: 'dead-peer',
      what: `dead peer noticed within, profile ${profile}`,
      value: Math.max(...seconds),
      unit: 's',
      target: { atMost: boundMs / 1_000 },
      values: seconds,
      remark: `${TRIES} tries, ${Math.min(...seconds)} to ${Math.max(...seconds)} s`,
    }),
  ];
}
