import { appendFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startSimulator } from '../../simulator/start-simulator.ts';
import { commandWorld } from './command-world.ts';

/**
 * A world with a simulator, of which `fairlead.toml` knows as pier-3.
 *
 * @param more of the configuration; POINTS in it is the address of the clouds
 * @param ofSensor more of pier-3
 */
export async function sensorWorld(more = '', ofSensor = '') {
  const simulator = await startSimulator();
  const { output, points, rest } = simulator.urls;
  const configuration = `${more.replace('POINTS', points)}
[[sensors]]
name = "pier-3"
url = "${output}"
rest = "${rest}"
${ofSensor}
`;
  const world = await commandWorld({ configuration });
  const recordings = async () => {
    const names = await readdir(join(world.folder, 'recordings'));
    return names.filter((name) => /\.mcap(\.part)?$/.test(name));
  };
  return {
    simulator,
    fairlead: world.fairlead,
    startWorker: () => world.startWorker('--queue', 'sensor'),
    recordings,
    /** More of `fairlead.toml`, for processes that start from now on. */
    configure: (toml: string) => appendFile(join(world.folder, 'fairlead.toml'), toml),
    async [Symbol.asyncDispose]() {
      await simulator.stop();
      await world[Symbol.asyncDispose]();
    },
  };
}
