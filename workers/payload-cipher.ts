import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { DataConverter } from '@temporalio/client';
import { defaultPayloadConverter, type Payload, type PayloadCodec } from '@temporalio/common';
import { FairleadError } from '../domain/errors.ts';

/** A key of AES-256, under the name that is written beside what it encrypts. */
export interface PayloadKey {
  id: string;
  key: Buffer;
}

const CIPHER = 'aes-256-gcm';
const ENCODING = 'binary/encrypted';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What of a payload is encrypted: JSON, because its own form is that of a protocol that is none of ours. */
interface Sealed {
  metadata: Record<string, string>;
  data: string;
}

/**
 * Encrypts what arguments, results, heartbeats, queries and memos carry, before it leaves this process. The first key
 * encrypts, all of them decrypt, so that a key can be exchanged while workflows run. Without any key nothing is
 * encrypted, and what was says that a key is missing.
 *
 * @see docs/operate.md#encrypted-payloads
 */
export class PayloadCipher implements PayloadCodec {
  readonly #keys: readonly PayloadKey[];
  readonly #file: string | undefined;

  /** @param file where the keys are from, for messages */
  constructor(keys: readonly PayloadKey[], file: string | undefined) {
    this.#keys = keys;
    this.#file = file;
  }

  /** For clients and workers. */
  get dataConverter(): DataConverter {
    return { payloadCodecs: [this] };
  }

  async encode(payloads: Payload[]): Promise<Payload[]> {
    const [first] = this.#keys;
    return first ? payloads.map((payload) => encrypt(payload, first)) : payloads;
  }

  async decode(payloads: Payload[]): Promise<Payload[]> {
    return payloads.map((payload) => this.#decrypt(payload));
  }

  /** What is in a payload that came as it was sent, as those in descriptions do. */
  read(payload: Payload): unknown {
    return defaultPayloadConverter.fromPayload(this.#decrypt(payload));
  }

  /** @throws {FairleadError} `payload-unreadable` */
  #decrypt(payload: Payload): Payload {
    if (textOf(payload.metadata?.['encoding']) !== ENCODING) return payload;
    const id = textOf(payload.metadata?.['encryption-key-id']);
    const found = this.#keys.find((key) => key.id === id);
    if (!found) throw this.#missing(id);
    try {
      return decrypt(payload, found);
    } catch (error) {
      throw new FairleadError(
        'payload-unreadable',
        `a payload in Temporal was not encrypted with the key that ${this.#file} has as ${JSON.stringify(id)}, or was changed since`,
        {
          hint: 'give each key an id of its own, and never another key under the same id',
          cause: error,
        },
      );
    }
  }

  #missing(id: string): FairleadError {
    const known = this.#keys.map((key) => JSON.stringify(key.id)).join(', ');
    const where =
      this.#file === undefined
        ? 'no [temporal] payloadKeys is set here'
        : `${this.#file} has only ${known}`;
    return new FairleadError(
      'payload-unreadable',
      `a payload in Temporal is encrypted with the key ${JSON.stringify(id)}, and ${where}`,
      {
        hint: 'name the file that has it: payloadKeys under [temporal] in fairlead.toml, or FAIRLEAD_PAYLOAD_KEY_FILE',
      },
    );
  }
}

/** What is in a payload of a description, which the client hands on as it came. */
export const readPayload = (
  payload: Payload,
  { payloads }: { payloads?: PayloadCipher | undefined },
): unknown => (payloads ?? new PayloadCipher([], undefined)).read(payload);

const textOf = (bytes: Uint8Array | null | undefined): string =>
  Buffer.from(bytes ?? []).toString();

const metadataOf = (id: string): Record<string, Uint8Array> => ({
  encoding: Buffer.from(ENCODING),
  'encryption-cipher': Buffer.from(CIPHER),
  'encryption-key-id': Buffer.from(id),
});

/** Authenticated with what it encrypts: nobody can say another key or cipher of it. */
const associated = (id: string): Buffer => Buffer.from(JSON.stringify([ENCODING, CIPHER, id]));

function encrypt({ metadata, data }: Payload, { id, key }: PayloadKey): Payload {
  const sealed: Sealed = {
    metadata: Object.fromEntries(
      Object.entries(metadata ?? {}).map(([name, value]) => [name, base64(value)]),
    ),
    data: base64(data),
  };
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(associated(id));
  const encrypted = [cipher.update(JSON.stringify(sealed), 'utf8'), cipher.final()];
  return {
    metadata: metadataOf(id),
    data: Buffer.concat([nonce, ...encrypted, cipher.getAuthTag()]),
  };
}

function decrypt({ data }: Payload, { id, key }: PayloadKey): Payload {
  const bytes = Buffer.from(data ?? []);
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const tag = bytes.subarray(-TAG_BYTES);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(associated(id)).setAuthTag(tag);
  const encrypted = bytes.subarray(NONCE_BYTES, -TAG_BYTES);
  const text = Buffer.concat([decipher.update(encrypted), decipher.final()]).toString();
  const sealed = JSON.parse(text) as Sealed;
  return {
    metadata: Object.fromEntries(
      Object.entries(sealed.metadata).map(([name, value]) => [name, Buffer.from(value, 'base64')]),
    ),
    data: Buffer.from(sealed.data, 'base64'),
  };
}

const base64 = (bytes: Uint8Array | null | undefined): string =>
  Buffer.from(bytes ?? []).toString('base64');
