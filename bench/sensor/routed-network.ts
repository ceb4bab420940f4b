import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Two hosts with a router between them, as network namespaces: what the router does not forward is dropped in
 * silence, and neither host sees its own link go.
 */
export interface RoutedNetwork extends AsyncDisposable {
  serverAddress: string;
  /** Words that run a command on a host. */
  onServer: readonly string[];
  onClient: readonly string[];
  setForwarding(isOn: boolean): Promise<void>;
  /** From now on the router drops what leaves from this TCP port, as a firewall does that forgot it. */
  dropFrom(port: number): Promise<void>;
}

const SERVER_NET = '10.213.71';
const CLIENT_NET = '10.213.72';
/** Names of interfaces have at most 15 characters. */
const PREFIX = 'flb';
let opened = 0;

/** @throws {Error} where namespaces may not be made: not Linux, or not root */
export async function openRoutedNetwork(): Promise<RoutedNetwork> {
  await clearUpKilledRuns();
  const tag = `${PREFIX}${process.pid}-${(opened++).toString(36)}`;
  const [server, client, router] = [`${tag}s`, `${tag}c`, `${tag}r`] as const;
  const close = async () => {
    for (const name of [server, client, router]) await remove(name);
  };
  const setForwarding = async (isOn: boolean) => {
    const setting = `net.ipv4.ip_forward=${Number(isOn)}`;
    await ip('netns', 'exec', router, 'sysctl', '-w', setting);
  };
  try {
    for (const name of [server, client, router]) await ip('netns', 'add', name);
    await link(server, router, `${tag}a`, SERVER_NET);
    await link(client, router, `${tag}b`, CLIENT_NET);
    await setForwarding(true);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    serverAddress: `${SERVER_NET}.1`,
    onServer: ['ip', 'netns', 'exec', server],
    onClient: ['ip', 'netns', 'exec', client],
    setForwarding,
    dropFrom: async (port) => {
      const from = ['ipproto', 'tcp', 'sport', `${port}`];
      await ip('-n', router, 'rule', 'add', 'pref', '10', ...from, 'blackhole');
    },
    [Symbol.asyncDispose]: close,
  };
}

/** @returns why not, in one line, or undefined where such networks can be made */
export async function whyNoNetworks(): Promise<string | undefined> {
  try {
    await using _ = await openRoutedNetwork();
    return undefined;
  } catch (error) {
    return (error as Error).message.trim().split('\n').at(-1);
  }
}

/** A cable from a host (.1) to the router (.254), which is the way to everything else. */
async function link(host: string, router: string, name: string, net: string): Promise<void> {
  const [here, there] = [`${name}0`, `${name}1`];
  const cable = ['link', 'add', here, 'netns', host, 'type', 'veth'];
  await ip(...cable, 'peer', there, 'netns', router);
  await ip('-n', host, 'addr', 'add', `${net}.1/24`, 'dev', here);
  await ip('-n', router, 'addr', 'add', `${net}.254/24`, 'dev', there);
  await ip('-n', host, 'link', 'set', 'lo', 'up');
  await ip('-n', host, 'link', 'set', here, 'up');
  await ip('-n', router, 'link', 'set', there, 'up');
  await ip('-n', host, 'route', 'add', 'default', 'via', `${net}.254`);
}

/** The networks of processes that are gone, and what still runs in them. */
async function clearUpKilledRuns(): Promise<void> {
  const { stdout } = await ip('netns', 'list');
  for (const [name, pid] of stdout.matchAll(new RegExp(`^${PREFIX}(\\d+)-\\w+`, 'gm'))) {
    if (isAlive(Number(pid))) continue;
    const inside = await ip('netns', 'pids', name).catch(() => ({ stdout: '' }));
    for (const left of inside.stdout.split('\n').filter(Boolean)) kill(Number(left), 'SIGKILL');
    await remove(name);
  }
}

const isAlive = (pid: number): boolean => kill(pid, 0);

function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

const remove = (namespace: string) => ip('netns', 'del', namespace).catch(() => undefined);

const ip = (...words: string[]) => run('ip', words);
