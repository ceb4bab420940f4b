import type { BenchPart, Surroundings } from './bench-part.ts';
import { runCommand } from './command-line.ts';
import { judged, rounded, type Figure } from './figure.ts';
import { startServer } from './simulated-server.ts';

const CALLS = 1_000;
const MOST_CONNECTIONS = 20;

/** What 1,000 GETs leave at the server, called one by one and fifty at once. */
export const restConnections: BenchPart = {
  name: 'rest',
  isAlone: true,
  measure: async (around) => [...(await measure(50, around)), ...(await measure(1, around))],
};

async function measure(concurrency: number, { folder, say }: Surroundings): Promise<Figure[]> {
  say(`${CALLS} GETs, ${concurrency} at once`);
  const cwd = { cwd: folder };
  await using server = await startServer([], cwd);
  const many = ['--count', String(CALLS), '--concurrency', String(concurrency)];
  const words = [
    'sensr',
    'request',
    'GET',
    '/V/settings/zone',
    '--base',
    server.urls.rest,
    ...many,
  ];
  const startedAt = performance.now();
  const { exitCode, stderr } = await runCommand([...words, '--json'], cwd);
  const seconds = (performance.now() - startedAt) / 1_000;
  if (exitCode !== 0) throw new Error(`sensr request ended with ${exitCode}: ${stderr}`);
  const { rest } = await server.counts();
  const one = (what: string, value: number, target?: Figure['target']) =>
    judged({
      part: 'rest',
      what: `${CALLS} GETs, ${concurrency} at once: ${what}`,
      value: rounded(value),
      unit: what === 'time of the command' ? 's' : '',
      ...(target && { target }),
    });
  return [
    one('connections used', rest.ever, { atMost: MOST_CONNECTIONS }),
    one("left in TIME_WAIT on the server's side", rest.tcp?.['TIME_WAIT'] ?? 0, { atMost: 0 }),
    one('calls that the server answered', rest.requests, { atLeast: CALLS }),
    one('time of the command', seconds),
  ];
}
