import { countHostSockets } from '../activities/sensor/host-sockets.ts';
import { serverAddressOf } from '../activities/sensor/server-address.ts';
import type { Configuration } from '../workers/configuration.ts';
import type { HeldSensor } from './hold-options.ts';

/** Sentences about who else may hold this stream, which the server would then have to send twice. */
export async function otherHolders(
  { url, stream }: HeldSensor,
  { sensors }: Configuration,
): Promise<string[]> {
  const { host, port, name } = serverAddressOf(url);
  const same = sensors.find((sensor) => sensor.stream === stream && sameServer(sensor.url, url));
  const counts = await countHostSockets(host, port);
  const open = counts?.ESTABLISHED ?? 0;
  return [
    ...(same
      ? [
          `${same.name} of the configuration is this stream: while its session runs, the server holds two connections; look with: fairlead sensor status ${same.name}`,
        ]
      : []),
    ...(open > 0
      ? [
          `this host has ${open === 1 ? 'a connection' : `${open} connections`} to ${name} already: the server will hold one more`,
        ]
      : []),
  ];
}

/** Whatever path and password: a stream is a port. */
function sameServer(a: string, b: string): boolean {
  return serverAddressOf(a).name === serverAddressOf(b).name;
}
