import { mkdirSync } from 'node:fs';
import type { Configuration } from '../workers/configuration.ts';
import { choosePort } from '../workers/stack/choose-port.ts';
import { lockFolder } from '../workers/stack/folder-lock.ts';
import { USUAL_SENSOR_METRICS_PORT } from '../workers/stack/local-stack.ts';
import { stackFailure } from '../workers/stack/stack-failure.ts';
import { stopLeftoverWorkers, superviseWorker } from '../workers/stack/worker-process.ts';
import { STACK_METRICS_VARIABLE } from '../workers/temporal-location.ts';
import { note } from './command.ts';
import { workerArguments } from './own-stack.ts';

/**
 * Runs the sensors' worker beside a process that is a worker itself, until it is disposed of; its log and pid file are
 * in the home, which has one such worker at a time.
 *
 * @throws {FairleadError} `stack-running`, `permission-denied`, `disk-full`
 */
export async function startSensorWorker(
  { home }: Configuration,
  configFile: string | undefined,
): Promise<AsyncDisposable & { metricsUrl: string }> {
  let release = () => {};
  try {
    mkdirSync(home, { recursive: true });
    release = lockFolder(home).release;
    await stopLeftoverWorkers(home, note);
    const port = await choosePort({
      wanted: undefined,
      usual: USUAL_SENSOR_METRICS_PORT,
      for: 'the metrics of the sensor worker',
    });
    const command = {
      command: process.execPath,
      args: workerArguments('sensorWorker', configFile),
      env: { [STACK_METRICS_VARIABLE]: String(port) },
    };
    const worker = await superviseWorker(home, 'sensorWorker', command, note);
    return {
      metricsUrl: `http://127.0.0.1:${port}/metrics`,
      [Symbol.asyncDispose]: async () => {
        await worker.stop();
        release();
      },
    };
  } catch (error) {
    release();
    throw stackFailure("the sensors' worker did not start", home, error);
  }
}
