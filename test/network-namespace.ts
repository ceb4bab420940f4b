import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { whyNoNetworks } from '../bench/sensor/routed-network.ts';

export { whyNoNetworks };

const run = promisify(execFile);
const ip = (...words: string[]) => run('ip', words);

/**
 * A made-up host, and a router between it and us: what the router does not forward is dropped in silence, and neither
 * side sees its own link go.
 */
export interface DistantHost extends AsyncDisposable {
  address: string;
  /** Words that run a command there. */
  on: readonly string[];
  setForwarding(isOn: boolean): Promise<void>;
}

/** The networks that are set aside for benchmarks (RFC 2544); one of them for each host, half for either side. */
const NETWORKS = 512;
/** As those of bench/sensor/routed-network.ts, which clears up after killed processes. */
const PREFIX = 'flb';
let opened = 0;

/** @throws {Error} where namespaces may not be made: not Linux, or not root */
export async function openDistantHost(): Promise<DistantHost> {
  const tag = `${PREFIX}${process.pid}-h${(opened++).toString(36)}`;
  const [host, router] = [`${tag}h`, `${tag}r`];
  const inRouter = (...words: string[]) => ip('-n', router, ...words);
  const close = async () => {
    for (const name of [host, router]) await ip('netns', 'del', name).catch(() => undefined);
  };
  const setForwarding = async (isOn: boolean) => {
    const setting = `net.ipv4.ip_forward=${Number(isOn)}`;
    await ip('netns', 'exec', router, 'sysctl', '-w', setting);
  };
  try {
    for (const name of [host, router]) await ip('netns', 'add', name);
    const { ours, theirs } = await cableToUs(router, `${tag}u`);
    const [there, near] = [`${tag}a`, `${tag}b`];
    await ip('link', 'add', there, 'netns', host, 'type', 'veth', 'peer', near, 'netns', router);
    await ip('-n', host, 'addr', 'add', `${theirs}.129/25`, 'dev', there);
    await inRouter('addr', 'add', `${theirs}.254/25`, 'dev', near);
    await ip('-n', host, 'link', 'set', 'lo', 'up');
    await ip('-n', host, 'link', 'set', there, 'up');
    await inRouter('link', 'set', near, 'up');
    await ip('-n', host, 'route', 'add', 'default', 'via', `${theirs}.254`);
    await ip('route', 'add', `${theirs}.128/25`, 'via', `${ours}.126`);
    await setForwarding(true);
    return {
      address: `${theirs}.129`,
      on: ['ip', 'netns', 'exec', host],
      setForwarding,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A cable from us (.1) to the router (.126), in a network that nobody here has. */
async function cableToUs(router: string, name: string): Promise<{ ours: string; theirs: string }> {
  const { stdout } = await ip('-4', '-o', 'addr');
  for (;;) {
    const number = Math.floor(Math.random() * NETWORKS);
    const net = `198.${18 + (number >> 8)}.${number & 255}`;
    if (stdout.includes(` ${net}.`)) continue;
    const far = `${name}1`;
    await ip('link', 'add', name, 'type', 'veth', 'peer', far, 'netns', router);
    await ip('addr', 'add', `${net}.1/25`, 'dev', name);
    await ip('-n', router, 'addr', 'add', `${net}.126/25`, 'dev', far);
    await ip('link', 'set', name, 'up');
    await ip('-n', router, 'link', 'set', far, 'up');
    return { ours: net, theirs: net };
  }
}
