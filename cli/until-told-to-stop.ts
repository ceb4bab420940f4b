import { once } from 'node:events';

/** Listens from the beginning, so that a Ctrl-C while servers start stops them in order as well. */
export async function untilToldToStop(): Promise<void> {
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
}
