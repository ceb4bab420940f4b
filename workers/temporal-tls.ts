import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { FairleadError } from '../domain/errors.ts';
import {
  tlsFailureInWords,
  tlsFaultOf,
  type TlsError,
  type TlsFault,
} from '../domain/tls-failure.ts';
import type { TemporalLocation } from './temporal-location.ts';

const LOOK_WITHIN_MS = 1_500;

/** What somebody says first who speaks HTTP/2 without TLS: the preface, and empty settings. */
const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

/** What became of a connection: its first bytes, its failure, or neither in time. */
type Look = { data: Buffer } | { error: TlsError } | { isSecure: boolean };

/**
 * Why nobody can talk with Temporal, where that is a matter of TLS: by a handshake of our own, because neither client
 * nor worker of the SDK says it in words. Takes 3 s at most.
 *
 * @returns undefined where it is something else
 */
export async function temporalTlsFailure(
  { address, connectionOptions }: TemporalLocation,
  cause: unknown,
): Promise<FairleadError | undefined> {
  const { tls } = connectionOptions;
  const [sentence, hint] = (tls ? await lookByTls(address, tls) : await lookPlainly(address)) ?? [];
  if (!sentence) return undefined;
  return new FairleadError('tls-failed', sentence, { hint: hint!, cause });
}

type Finding = [sentence: string, hint: string];
type Tls = NonNullable<TemporalLocation['connectionOptions']['tls']>;

async function lookByTls(address: string, tls: Tls): Promise<Finding | undefined> {
  const found = await look(address, optionsOf(tls));
  if ('data' in found) return undefined;
  const server = `the Temporal server at ${address}`;
  const error: TlsError = 'error' in found ? found.error : {};
  const fault = tlsFaultOf(error);
  if (fault) return [tlsFailureInWords(error, server)!, hints[fault]];
  return (await speaksPlainly(address)) ? [`${server} speaks no TLS`, hints['no-tls']] : undefined;
}

/** What we were not told to speak TLS with may speak it all the same. */
async function lookPlainly(address: string): Promise<Finding | undefined> {
  const found = await look(address, { rejectUnauthorized: false });
  const isTls = 'data' in found || ('error' in found ? isAlert(found.error) : found.isSecure);
  if (!isTls) return undefined;
  return [
    `the Temporal server at ${address} speaks TLS, and no TEMPORAL_TLS… variable asks for it`,
    'set TEMPORAL_TLS=true, and TEMPORAL_TLS_SERVER_CA_CERT_PATH=/path/ca.pem where it has an authority of its own; or write [profile.default.tls] into temporal.toml',
  ];
}

const isAlert = ({ message = '' }: TlsError): boolean => message.includes('SSL alert number');

const hints: Record<TlsFault, string> = {
  untrusted:
    'name the authority that signed it: TEMPORAL_TLS_SERVER_CA_CERT_PATH=/path/ca.pem, or server_ca_cert_path in temporal.toml',
  dates:
    'renew the certificate of the server; openssl s_client -connect shows which one it presents',
  name: 'write a name that the certificate is for into TEMPORAL_ADDRESS, or into TEMPORAL_TLS_SERVER_NAME',
  client:
    'name a certificate that the server accepts: TEMPORAL_TLS_CLIENT_CERT_PATH=/path/client.pem and TEMPORAL_TLS_CLIENT_KEY_PATH=/path/client.key',
  'own-files':
    'correct TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH, or client_cert_path and client_key_path in temporal.toml',
  'no-tls':
    'take the TEMPORAL_TLS… variables away, or set TEMPORAL_TLS=false; or check TEMPORAL_ADDRESS',
};

function optionsOf(tls: Tls): ConnectionOptions {
  if (tls === true) return {};
  const { serverNameOverride, serverRootCACertificate, clientCertPair } = tls || {};
  return {
    ...(serverNameOverride && { servername: serverNameOverride }),
    ...(serverRootCACertificate && { ca: Buffer.from(serverRootCACertificate) }),
    ...(clientCertPair && {
      cert: Buffer.from(clientCertPair.crt),
      key: Buffer.from(clientCertPair.key),
    }),
  };
}

const speaksPlainly = async (address: string): Promise<boolean> => {
  const found = await look(address, undefined);
  // A frame of settings is the server's own preface.
  return 'data' in found && found.data[3] === 4;
};

/** Connects, says what a client says first, and tells what comes. A refused certificate is told after the handshake. */
function look(address: string, tls: ConnectionOptions | undefined): Promise<Look> {
  return new Promise((resolve) => {
    let isSecure = false;
    let socket: Socket | undefined;
    const end = (found: Look) => {
      clearTimeout(timer);
      socket?.destroy();
      resolve(found);
    };
    const timer = setTimeout(() => end({ isSecure }), LOOK_WITHIN_MS);
    try {
      socket = open(address, tls);
    } catch (error) {
      return end({ error: error as TlsError });
    }
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      isSecure = tls !== undefined;
      socket?.write(PREFACE);
    });
    socket.once('data', (data) => end({ data }));
    socket.on('error', (error) => end({ error }));
    socket.once('close', () => end({ isSecure }));
  });
}

function open(address: string, tls: ConnectionOptions | undefined): Socket {
  const { hostname, port } = new URL(`tcp://${address}`);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const place = { host, port: Number(port) };
  if (!tls) return connectTcp(place);
  const servername = isIP(host) ? {} : { servername: host };
  return connectTls({ ...place, ...servername, ALPNProtocols: ['h2'], ...tls });
}
