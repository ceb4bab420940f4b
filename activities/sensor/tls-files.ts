import { readFileSync } from 'node:fs';

/** PEM files for `wss` and `https`. */
export interface TlsFiles {
  /** The certificates to trust; the system's, unless given. */
  ca?: string | undefined;
  /** The certificate of this client, where the server wants one, and its key. */
  cert?: string | undefined;
  key?: string | undefined;
}

export const tlsFilesOf = ({ ca, cert, key }: TlsFiles): TlsFiles => ({ ca, cert, key });

/** What is in them, for Node. */
export const readTlsFiles = (files: TlsFiles): { ca?: Buffer; cert?: Buffer; key?: Buffer } =>
  Object.fromEntries(
    Object.entries(tlsFilesOf(files)).flatMap(([name, file]) =>
      file === undefined ? [] : [[name, readFileSync(file)]],
    ),
  );
