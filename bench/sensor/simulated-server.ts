import type { SensorStream } from '../../domain/sensor.ts';
import type { Counts } from '../../simulator/start-simulator.ts';
import type { ConnectionRecord } from '../../simulator/stream/connection-record.ts';
import type { SentMessage } from '../../simulator/stream/sent-log.ts';
import { RunningCommand, type CommandOptions } from './command-line.ts';

const START_MS = 60_000;
const OBEY_MS = 10_000;

/** `fairlead simulate sensr` in a process of its own. */
export interface SimulatedServer extends AsyncDisposable {
  command: RunningCommand;
  urls: Record<'output' | 'points' | 'rest', string>;
  /** Types a fault, and waits until it is in force. */
  fault(line: string): Promise<void>;
  counts(): Promise<Counts>;
  sent(stream: SensorStream, connection: number): Promise<SentMessage[]>;
}

export async function startServer(
  words: readonly string[],
  options: CommandOptions,
): Promise<SimulatedServer> {
  const ports = words.includes('--ports') ? [] : ['--ports', '0,0,0'];
  const command = new RunningCommand(['simulate', 'sensr', '--json', ...ports, ...words], options);
  const line = await command.waitFor('simulator', () => command.stdout[0], START_MS);
  const urls = JSON.parse(line) as SimulatedServer['urls'];
  const ask = async (path: string) => (await fetch(`${urls.rest}/simulator/${path}`)).json();
  return {
    command,
    urls,
    fault: async (typed) => {
      const told = () => command.stderr.filter((one) => one.includes('faults now:')).length;
      const before = told();
      command.type(typed);
      await command.waitFor(`fault ${typed}`, () => (told() > before ? true : undefined), OBEY_MS);
    },
    counts: () => ask('counts') as Promise<Counts>,
    sent: (stream, connection) =>
      ask(`sent?stream=${stream}&connection=${connection}`) as Promise<SentMessage[]>,
    [Symbol.asyncDispose]: () => command[Symbol.asyncDispose](),
  };
}

/** The server's own view of a client's connection, by the client's port. */
export const connectionFrom = (
  { output, points }: Counts,
  localPort: number,
): ConnectionRecord | undefined =>
  [...output.connections, ...points.connections].findLast(
    ({ remotePort }) => remotePort === localPort,
  );
