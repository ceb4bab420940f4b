interface ForeignFormat {
  beginning: readonly number[];
  is: string;
  /** Makes text of it on stdout, when it is given the file, and where it is given none, of stdin. */
  tool: string;
}

const bytesOf = (text: string): number[] => [...Buffer.from(text, 'latin1')];

/** What loguru's rotation and other systems make of a log, beside gzip, which is read as it is. */
const FORMATS: readonly ForeignFormat[] = [
  { beginning: bytesOf('\xfd7zXZ\0'), is: 'compressed by xz', tool: 'xz -dc' },
  { beginning: bytesOf('BZh'), is: 'compressed by bzip2', tool: 'bzip2 -dc' },
  { beginning: bytesOf('\x28\xb5\x2f\xfd'), is: 'compressed by zstd', tool: 'zstd -dc' },
  { beginning: bytesOf('PK\x03\x04'), is: 'a zip archive', tool: 'unzip -p' },
  { beginning: [0xff, 0xfe], is: 'in UTF-16', tool: 'iconv -f UTF-16 -t UTF-8' },
  { beginning: [0xfe, 0xff], is: 'in UTF-16', tool: 'iconv -f UTF-16 -t UTF-8' },
];

export const FORMAT_BYTES = 6;

/**
 * What a log is in that cannot be read as it is, and what to type then.
 *
 * @param bytes how it begins
 * @param file as it was typed; without it, the standard input
 */
export function foreignFormat(bytes: Uint8Array, file?: string): string | undefined {
  const format = FORMATS.find(({ beginning }) =>
    beginning.every((byte, index) => bytes[index] === byte),
  );
  if (!format) return undefined;
  const { is, tool } = format;
  return file === undefined
    ? `it is ${is}; put ${tool} before fairlead diagnose -`
    : `${file} is ${is}; type ${tool} ${file} | fairlead diagnose -`;
}
