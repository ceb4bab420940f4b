import { join } from 'node:path';
import { inject } from 'vitest';
import { anyFreePort } from '../../workers/stack/choose-port.ts';
import { startTemporal, type TemporalServer } from '../../workers/stack/temporal-server.ts';
import { temporaryFolder } from '../temporary-folder.ts';

export interface OwnTemporal extends AsyncDisposable {
  address: string;
  stop(): Promise<void>;
  /** On the same port, with what it knew. */
  start(): Promise<void>;
}

/** A Temporal server that a test has to itself, to stop it. */
export async function ownTemporal(): Promise<OwnTemporal> {
  const folder = await temporaryFolder();
  const options = {
    folder: join(folder.path, 'temporal'),
    cli: { path: inject('temporalCliPath') },
    port: await anyFreePort(),
    uiPort: await anyFreePort(),
    report: () => {},
  };
  let server: TemporalServer | undefined = await startTemporal(options);
  const stop = async () => {
    await server?.stop();
    server = undefined;
  };
  return {
    address: server.address,
    stop,
    start: async () => {
      server = await startTemporal(options);
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}
