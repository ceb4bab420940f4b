import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { InvalidArgumentError, type Command } from 'commander';
import { FairleadError } from '../domain/errors.ts';
import type { SensorStream } from '../domain/sensor.ts';
import { faultHelp, parseFaultLine, type FaultOrder } from '../simulator/fault-line.ts';
import type { Faults } from '../simulator/faults.ts';
import { startSimulator, type Counts, type Simulator } from '../simulator/start-simulator.ts';
import type { TlsFiles } from '../simulator/stream/stream-server.ts';
import { tlsFileFaults } from '../workers/configuration/certificate-faults.ts';
import type { ConnectionRecord } from '../simulator/stream/connection-record.ts';
import { addCommandGroup } from './command-group.ts';
import { addCommand, note, type CommonOptions } from './command.ts';
import { untilToldToStop } from './until-told-to-stop.ts';

type Ports = readonly [output: number, points: number, rest: number];

interface SimulateOptions extends CommonOptions {
  host: string;
  ports: Ports;
  objects: number;
  objectPoints: number;
  hertz: number;
  points: number;
  fault: FaultOrder[];
  tlsCert?: string;
  tlsKey?: string;
  clientCa?: string;
}

const USUAL_PORTS = '5050,5051,9080';
const MOST_OBJECTS = 10_000;
const MOST_POINTS = 4_000_000;
const MOST_OBJECT_POINTS = 100_000;
const MOST_HERTZ = 100;

/** `fairlead simulate sensr` */
export function addSimulate(program: Command): void {
  const group = addCommandGroup(program, {
    usage: 'simulate',
    summary: 'run a server to try against',
    examples: ['fairlead simulate sensr'],
  });
  addCommand(group, {
    usage: 'sensr',
    summary: 'a sensor server: moving objects, zones, health, point clouds, REST; until Ctrl-C',
    examples: [
      'fairlead simulate sensr',
      'fairlead simulate sensr --ports 0,0,0 --json',
      "fairlead simulate sensr --points 300000 --fault 'close 1011 keep'",
    ],
  })
    .addHelpText('after', `\nFaults, for --fault, and to be typed while it runs:\n${faultHelp}`)
    .option('--host <address>', 'where to listen', '127.0.0.1')
    .option(
      '--ports <output,points,rest>',
      'three ports; 0 takes a free one',
      ports,
      ports(USUAL_PORTS),
    )
    .option('--objects <n>', 'moving objects', wholeNumber(0, MOST_OBJECTS), 20)
    .option(
      '--object-points <n>',
      'points of each object; with any, objects have a history too',
      wholeNumber(0, MOST_OBJECT_POINTS),
      0,
    )
    .option('--hertz <n>', 'messages of objects, and clouds, a second', hertz, 10)
    .option('--points <n>', 'points of a cloud, 16 bytes each', wholeNumber(0, MOST_POINTS), 10_000)
    .option(
      '--fault <fault>',
      'a fault from the start, as it would be typed; repeatable',
      fault,
      [],
    )
    .option('--tls-cert <file>', 'speak wss and https, with this certificate (PEM)')
    .option('--tls-key <file>', 'its key (PEM)')
    .option('--client-ca <file>', 'let in only clients whose certificate one of these signed (PEM)')
    .action(async (options: SimulateOptions) => simulate(options));
}

async function simulate(options: SimulateOptions): Promise<void> {
  const stopped = untilToldToStop();
  const simulator = await start(options);
  for (const order of options.fault) await obey(order, simulator.faults);
  const { urls } = simulator;
  process.stdout.write(`${options.json ? JSON.stringify(urls) : introduction(urls)}\n`);
  using _ = readLines(simulator);
  await stopped;
  await simulator.stop();
}

async function start(options: SimulateOptions): Promise<Simulator> {
  const [output, points, rest] = options.ports;
  const tls = tlsOf(options);
  try {
    return await startSimulator({
      ...options,
      ports: { output, points, rest },
      ...(tls && { tls }),
      onConnection: tell,
    });
  } catch (error) {
    const { code, port } = error as NodeJS.ErrnoException & { port?: number };
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
    const why = code === 'EADDRINUSE' ? 'is in use' : 'may not be used by this account';
    throw new FairleadError('port-taken', `port ${port} of ${options.host} ${why}`, {
      hint: `choose others with --ports; --ports 0,0,0 takes free ones`,
      cause: error,
    });
  }
}

/** @throws {FairleadError} `usage-invalid` */
function tlsOf({
  tlsCert: cert,
  tlsKey: key,
  clientCa: ca,
}: SimulateOptions): TlsFiles | undefined {
  for (const [name, message] of Object.entries(tlsFileFaults({ ca, cert, key })))
    throw wrongFile(`${TLS_OPTIONS[name]} ${message}`);
  if (cert === undefined || key === undefined) {
    if (ca !== undefined) throw wrongFile('--client-ca is for TLS, and --tls-cert is not given');
    return undefined;
  }
  return {
    cert: readFileSync(cert, 'utf8'),
    key: readFileSync(key, 'utf8'),
    ...(ca !== undefined && { ca: readFileSync(ca, 'utf8'), requestCert: true }),
  };
}

const TLS_OPTIONS: Record<string, string> = {
  cert: '--tls-cert',
  key: '--tls-key',
  ca: '--client-ca',
};

const wrongFile = (message: string) =>
  new FairleadError('usage-invalid', message, {
    hint: 'openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=sensor -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem   makes a pair',
  });

const introduction = ({ output, points, rest }: Simulator['urls']): string =>
  `objects on ${output}, point clouds on ${points}, REST on ${rest}
Type a fault while it runs, such as silent, close 1011, clear; help shows all; Ctrl-C ends it.`;

/** The simulator's own command line, until it ends. */
function readLines(simulator: Simulator): Disposable {
  if (isBackground()) return { [Symbol.dispose]: () => {} };
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    if (line.trim() !== '') void follow(line.trim(), simulator);
  });
  return {
    [Symbol.dispose]: () => {
      lines.close();
      process.stdin.destroy();
    },
  };
}

/** Whether the terminal is another's just now: who reads it nevertheless is stopped by the system. */
function isBackground(): boolean {
  if (!process.stdin.isTTY) return false;
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const [, , group, , , ofTerminal] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group !== ofTerminal;
  } catch {
    return false;
  }
}

async function follow(line: string, simulator: Simulator): Promise<void> {
  const { faults } = simulator;
  if (line === 'help') return note(`faults:\n${faultHelp}\n  counts, help`);
  if (line === 'counts') return note(countsText(simulator.counts()));
  try {
    await obey(parseFaultLine(line), faults);
    const active = Object.entries(faults.active()).map(([name, options]) =>
      [name, ...Object.entries(options).map(([key, value]) => `${key}=${String(value)}`)].join(' '),
    );
    note(`faults now: ${active.join(', ') || 'none'}`);
  } catch (error) {
    note(error instanceof RangeError ? `${error.message}; type help` : String(error));
  }
}

const obey = (order: FaultOrder, faults: Faults): Promise<void> =>
  order.order === 'clear' ? faults.clear(order.name) : faults.set(order.name, order.options);

function countsText({ output, points, rest }: Counts): string {
  const one = (name: string, { now, ever, peak }: { now: number; ever: number; peak: number }) =>
    `${name}: ${now} connections now, ${ever} ever, ${peak} at once at most`;
  return [one('output', output), one('points', points), one('REST', rest)].join('; ');
}

/** What happens to connections, as an operator of the server would see it. */
function tell(change: 'opened' | 'ended', stream: SensorStream, record: ConnectionRecord): void {
  const subject = `connection ${record.id} of ${stream}, from port ${record.remotePort},`;
  if (change === 'opened') return note(`${subject} is open`);
  const seconds = ((record.endedAtMs ?? 0) - record.dialedAtMs) / 1_000;
  const sent = `${record.messages} messages were sent, ${record.pingsAtMs.length} pings came`;
  note(`${subject} ${endText(record)} after ${seconds.toFixed(1)} s; ${sent}`);
}

function endText({ end, closeCode, openedAtMs }: ConnectionRecord): string {
  const before = openedAtMs === undefined ? ' before its handshake' : '';
  switch (end) {
    case undefined:
    case 'server-closed':
      return `was ended by the server${before}`;
    case 'client-closed':
      return `was closed by the client with ${closeCode}`;
    case 'reset':
      return `was reset by the client${before}`;
    case 'fin':
      return `was ended by the client without a close frame${before}`;
    default:
      return end satisfies never;
  }
}

function ports(text: string): Ports {
  const numbers = text.split(',').map((part) => (/^\d+$/.test(part) ? Number(part) : Number.NaN));
  if (numbers.length === 3 && numbers.every((port) => port >= 0 && port <= 65_535))
    return numbers as [number, number, number];
  throw new InvalidArgumentError(`Expected three ports, such as ${USUAL_PORTS}.`);
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

function hertz(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= MOST_HERTZ) return value;
  throw new InvalidArgumentError(`Expected more than 0 and at most ${MOST_HERTZ} a second.`);
}

function fault(line: string, orders: readonly FaultOrder[]): FaultOrder[] {
  try {
    return [...orders, parseFaultLine(line)];
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}
