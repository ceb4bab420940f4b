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
}

const SERVER_NET = '10.213.71';
const CLIENT_NET = '10.213.72';

/** @throws {Error} where namespaces may not be made: not Linux, or not root */
export async function openRoutedNetwork(): Promise<RoutedNetwork> {
  const tag = `flb${process.pid}`;
  const [server, client, router] = [`${tag}s`, `${tag}c`, `${tag}r`] as const;
  const on = (namespace: string) => ['ip', 'netns', 'exec', namespace];
  const close = async () => {
    for (const name of [server, client, router])
      await ip('netns', 'del', name).catch(() => undefined);
  };
  const setForwarding = async (isOn: boolean) => {
    const [command, ...words] = [
      ...on(router),
      'sysctl',
      '-w',
      `net.ipv4.ip_forward=${Number(isOn)}`,
    ];
    await run(command, words);
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
    onServer: on(server),
    onClient: on(client),
    setForwarding,
    [Symbol.asyncDispose]: close,
  };
}

/** A cable from a host (.1) to the router (.254), which is the way to everything else. */
async function link(host: string, router: string, name: string, net: string): Promise<void> {
  await ip(
    'link',
    'add',
    `${name}0`,
    'netns',
    host,
    'type',
    'veth',
    'peer',
    `${name}1`,
    'netns',
    router,
  );
  await ip('-n', host, 'addr', 'add', `${net}.1/24`, 'dev', `${name}0`);
  await ip('-n', router, 'addr', 'add', `${net}.254/24`, 'dev', `${name}1`);
  for (const [namespace, device] of [
    [host, 'lo'],
    [host, `${name}0`],
    [router, `${name}1`],
  ] as const)
    await ip('-n', namespace, 'link', 'set', device, 'up');
  await ip('-n', host, 'route', 'add', 'default', 'via', `${net}.254`);
}

const ip = (...words: string[]) => run('ip', words);
