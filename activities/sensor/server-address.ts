/** Where a URL leads; without the password that it may bear. */
export interface ServerAddress {
  secure: boolean;
  host: string;
  port: number;
  /** `sensor.example:5050`, for messages. */
  name: string;
}

export function serverAddressOf(url: string): ServerAddress {
  const { protocol, hostname, port } = new URL(url);
  const secure = protocol === 'wss:';
  const usual = secure ? 443 : 80;
  return {
    secure,
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port || usual),
    name: `${hostname}:${port || usual}`,
  };
}
