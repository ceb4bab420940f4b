import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { incidentFailures, legacyLog, rangeOf, type LoggedFailure } from '../legacy-log.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

interface Run {
  stdin?: Iterable<Buffer>;
  node?: string[];
  env?: NodeJS.ProcessEnv;
}

/** `fairlead diagnose` in a process of its own. */
async function diagnose(words: readonly string[], { stdin = [], node = [], env }: Run = {}) {
  const child = spawn(process.execPath, [...node, MAIN, 'diagnose', ...words], {
    env: { ...process.env, ...env },
  });
  const ended = once(child, 'exit');
  const [out, err] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    pipeline(Readable.from(stdin), child.stdin).catch(() => {}),
  ]);
  const [exitCode] = (await ended) as [number];
  return { out, err, exitCode };
}

async function folderWith(files: Record<string, string | Buffer>) {
  const folder = await temporaryFolder();
  const write = ([name, content]: [string, string | Buffer]) =>
    writeFile(join(folder.path, name), content);
  await Promise.all(Object.entries(files).map(write));
  return { ...folder, at: (name: string) => join(folder.path, name) };
}

const failed = (seconds: readonly number[], ship = 'IMO9976903'): LoggedFailure[] =>
  seconds.map((each) => ({ ship, seconds: each }));

/** The incident's log after some years on disks: CRLF, bytes that are no UTF-8, and an end that was cut off. */
function wornLog(): Buffer {
  const log = Buffer.from(legacyLog(incidentFailures(), { lineEnd: '\r\n' }));
  const emoji = Buffer.from('❌');
  for (let at = log.indexOf(emoji); at >= 0; at = log.indexOf(emoji, at)) log[at] = 0xff;
  const next =
    '2025-11-01 00:00:00 | ERROR    | thread_logger:error:42 - [IMO9976903:Thread-1] Que';
  return Buffer.concat([Buffer.from([0xc3, 0x28, 0x0a]), log, Buffer.from(next)]);
}

const PUBLISHED = {
  failures: 90,
  minSeconds: 950.27,
  maxSeconds: 8_159.23,
  meanSeconds: 7_963.72,
  medianSeconds: 8_122.89,
  over7200: 89,
  over7900: 88,
};

describe('fairlead diagnose', () => {
  it('tells the published figures of the incident, and what they prove', async () => {
    await using folder = await folderWith({ 'a.log': wornLog() });
    const { out, exitCode } = await diagnose([folder.at('a.log'), '--json']);
    const report = JSON.parse(out);
    expect(exitCode).toBe(0);
    expect(report).toMatchObject(PUBLISHED);
    expect(report.mostFrequent[0]).toEqual({ seconds: 8_126.46, count: 42 });
    expect(report.verdicts).toEqual([
      { cause: 'tcp-keepalive', count: 88 },
      { cause: 'tcp-retransmission', count: 1 },
      { cause: 'unknown', count: 1 },
    ]);
    expect(report.ranges).toEqual(
      incidentFailures().map(({ ship, seconds, from, to }) => ({
        ship,
        from: `${from!.replace(' ', 'T')}Z`,
        to: `${to!.replace(' ', 'T')}Z`,
        seconds,
      })),
    );
    expect(report.warnings).toEqual([expect.stringContaining('ends in the middle of a line')]);
  });

  it('writes the ranges as post_proc.csv, with their ships', async () => {
    await using folder = await folderWith({ 'a.log': wornLog() });
    const { err, exitCode } = await diagnose([folder.at('a.log'), '--csv', folder.at('p.csv')]);
    expect(exitCode).toBe(0);
    expect(err).toContain('90 ranges');
    const expected = incidentFailures().map(({ ship, from, to }) => `${ship},${from},${to}\n`);
    expect(await readFile(folder.at('p.csv'), 'utf8')).toBe(expected.join(''));
    expect((await readdir(folder.path)).toSorted()).toEqual(['a.log', 'p.csv']);
  });

  it('shows a person the figures, a picture and the proof, in eighty columns', async () => {
    await using folder = await folderWith({ 'a.log': wornLog() });
    const { out } = await diagnose([folder.at('a.log')]);
    expect(out).toContain('median 8,122.89 s');
    expect(out).toMatch(/8,126\.46 s +42\n/);
    expect(out).toMatch(/8,120–8,130 █{20,} 42 \(42 × 8,126\.46\)/);
    expect(out).toContain('31 × 262.144 = 8,126.464 s');
    expect(out).toContain('It was no server timeout.');
    expect(out).not.toContain('\u001b');
    const lines = out.split('\n').filter((line) => !line.includes(folder.path));
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  it('says that it was a limit where durations lie just above a round one', async () => {
    const seconds = [14_400.12, 14_400.4, 14_401.9, 14_400.08];
    await using folder = await folderWith({ 'a.log': legacyLog(failed(seconds)) });
    const report = JSON.parse((await diagnose([folder.at('a.log'), '--json'])).out);
    expect(report.verdicts).toEqual([{ cause: 'statement-timeout', count: 4 }]);
    expect((await diagnose([folder.at('a.log')])).out).toContain('14,400 s');
  });

  it('counts and tells what has no partner, and what is damaged', async () => {
    const [first, second] = legacyLog(failed([10, 20]), { noiseEvery: 0, togetherEvery: 0 }).match(
      /.*\n.*\n/g,
    )!;
    const [query, chunk] = first.split('\n');
    const log = `${chunk}\n${second}${query!.replace('10.00 seconds', '10.0')}\n${query}\n`;
    await using folder = await folderWith({ 'a.log': log });
    const { out, err, exitCode } = await diagnose([
      folder.at('a.log'),
      '--json',
      '--csv',
      folder.at('p.csv'),
    ]);
    const report = JSON.parse(out);
    expect(exitCode).toBe(0);
    expect(report.failures).toBe(2);
    expect(report.ranges).toMatchObject([{ seconds: 20 }]);
    expect(report.unpaired).toMatchObject({ failures: 1, ranges: [{}] });
    expect(report.warnings).toHaveLength(3);
    expect(err).toContain('2 without a ship or a range are not in it');
  });

  it('reads several logs, gzipped ones, and the standard input', async () => {
    const all = incidentFailures();
    const logs = [all.slice(0, 40), all.slice(40, 70), all.slice(70)].map((part) =>
      legacyLog(part),
    );
    await using folder = await folderWith({
      'a.log.2.gz': gzipSync(logs[0]!),
      'a.log.1': logs[1]!,
    });
    const words = [folder.at('a.log.2.gz'), folder.at('a.log.1'), '-', '--json'];
    const { out } = await diagnose(words, { stdin: [Buffer.from(logs[2]!)] });
    expect(JSON.parse(out)).toMatchObject(PUBLISHED);
  });

  it('says what it has of a gzip file that was cut off, and ends with 4', async () => {
    const whole = gzipSync(legacyLog(incidentFailures()), { level: 1 });
    await using folder = await folderWith({ 'a.gz': whole.subarray(0, whole.length / 2) });
    const { out, exitCode } = await diagnose([folder.at('a.gz')]);
    expect(exitCode).toBe(4);
    expect(out).toMatch(/the\s+gzip\s+file\s+was\s+cut\s+off/);
    expect(out).toContain('TCP keepalive');
  });

  it.each([
    ['an empty log', ''],
    ['a log of other things', '2025-10-11 09:36:34 | INFO | a:b:1 - fine\n'],
  ])('is done with %s, and says so', async (_, log) => {
    await using folder = await folderWith({ 'a.log': log });
    const words = [folder.at('a.log'), '--html', folder.at('r.html'), '--csv', folder.at('p.csv')];
    const { out, exitCode } = await diagnose(words);
    expect(exitCode).toBe(0);
    expect(out).toContain('no failure');
    expect(await readFile(folder.at('p.csv'), 'utf8')).toBe('');
    const { out: json } = await diagnose([folder.at('a.log'), '--json']);
    expect(JSON.parse(json)).toMatchObject({ failures: 0, minSeconds: null, ranges: [] });
  });

  it('tells all files at once that it cannot take, and writes nothing', async () => {
    await using folder = await folderWith({ 'a.log': 'x', 'old.csv': 'kept', 'my.html': 'kept' });
    const { out, err, exitCode } = await diagnose([
      folder.at('none.log'),
      folder.path,
      folder.at('a.log'),
      `${folder.path}/./a.log`,
      '--csv',
      folder.at('old.csv'),
      '--html',
      folder.at('my.html'),
      '--json',
    ]);
    expect(exitCode).toBe(2);
    expect(JSON.parse(out).error.code).toBe('usage-invalid');
    for (const fault of [
      'none.log is not there',
      'is a folder',
      'is named twice',
      'old.csv is there',
    ])
      expect(err).toContain(fault);
    expect(err).toContain('my.html is there already');
    expect(await readFile(folder.at('old.csv'), 'utf8')).toBe('kept');
  });

  it('never writes over the log that it reads', async () => {
    await using folder = await folderWith({ 'a.log': '' });
    await chmod(folder.at('a.log'), 0o644);
    const { exitCode, err } = await diagnose([folder.at('a.log'), '--csv', folder.at('a.log')]);
    expect([exitCode, err]).toEqual([2, expect.stringContaining('is one of the logs')]);
  });

  it('makes a page that loads nothing, and in which a log is only text', async () => {
    const hostile = '<script>alert(1)</script>"\'&\u202e';
    const failures: LoggedFailure[] = [
      { ship: hostile, seconds: 8_126.46, error: '</style><img src=x onerror=alert(2)>' },
      { ship: '=HYPERLINK("http://evil","x")', seconds: 8_126.46, error: 'a\u001b[31mb\u0007' },
    ];
    await using folder = await folderWith({ 'a.log': legacyLog(failures) });
    const { out } = await diagnose([folder.at('a.log'), '--html', folder.at('r.html')]);
    const page = await readFile(folder.at('r.html'), 'utf8');
    expect(page).not.toMatch(/<script|<img|src="|href="|url\(|@import/);
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).toContain("default-src 'none'");
    expect(page).toContain('31 × 262.144 = 8,126.464 s');
    for (const shown of [page, out])
      expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    const again = await diagnose([folder.at('a.log'), '--html', folder.at('r.html')]);
    expect(again.exitCode).toBe(0);
  });

  it('takes a log of 200 MB within seconds and little memory', async () => {
    const node = ['--max-old-space-size=48'];
    const started = performance.now();
    const { out, err, exitCode } = await diagnose(['-', '--json'], { stdin: bigLog(200), node });
    expect([exitCode, err]).toEqual([0, '']);
    const report = JSON.parse(out);
    expect(report.failures).toBe(200);
    expect(report.bytes).toBeGreaterThan(200_000_000);
    expect(report.ranges[0]).toMatchObject({ ship: 'IMO9976903', seconds: 8_126.46 });
    expect(report.ranges).toHaveLength(200);
    expect((performance.now() - started) / 1_000).toBeLessThan(30);
  });

  it('takes any number of failures in the same memory, and a line that never ends', async () => {
    const node = ['--max-old-space-size=48', `--import=${TELLS_PEAK}`];
    const run = async (failures: number) => {
      await using folder = await folderWith({});
      const endless = Array.from({ length: 100 }, () => Buffer.alloc(1_000_000, 'x'));
      const stdin = [...manyFailures(failures), ...endless];
      const words = ['-', '--json', '--csv', folder.at('p.csv')];
      const { out, err, exitCode } = await diagnose(words, { stdin, node });
      expect(exitCode).toBe(0);
      const csv = await readFile(folder.at('p.csv'), 'utf8');
      const lines = csv.match(/\n/g)!.length;
      return { report: JSON.parse(out), lines, peakMb: Number(/peak (\d+)/.exec(err)![1]) / 1_024 };
    };
    const few = await run(20_000);
    const { report, lines, peakMb } = await run(500_000);
    expect(report).toMatchObject({ failures: 500_000, unpaired: { failures: 0, ranges: [] } });
    expect(report.ranges).toHaveLength(500_000);
    expect(report.ranges.at(-1)).toMatchObject({ ship: 'IMO9976903', seconds: 209.99 });
    expect(lines).toBe(500_000);
    expect(peakMb - few.peakMb).toBeLessThan(25);
  });

  it('prints one JSON document, also where the list of ranges cannot be written', async () => {
    const stdin = [Buffer.from(legacyLog(incidentFailures()))];
    const { out, err, exitCode } = await diagnose(['-', '--json', '--csv', '/dev/full'], { stdin });
    expect(exitCode).toBe(3);
    expect(err).toContain('/dev/full cannot be written: no room is left (ENOSPC)');
    expect(JSON.parse(out).error).toMatchObject({ code: 'disk-full' });
  });

  it.each([
    ['a.log.xz', '\xfd7zXZ\0', 'xz -dc'],
    ['a.log.bz2', 'BZh9', 'bzip2 -dc'],
    ['a.zip', 'PK\x03\x04', 'unzip -p'],
    ['utf16.log', '\xff\xfe2\0', 'iconv -f UTF-16 -t UTF-8'],
  ])('says what to type for %s', async (name, beginning, tool) => {
    const bytes = Buffer.from(beginning, 'latin1');
    await using folder = await folderWith({ [name]: bytes });
    const named = await diagnose([folder.at(name)]);
    expect(named.exitCode).toBe(2);
    expect(named.err).toContain(`type ${tool} ${folder.at(name)} | fairlead diagnose -`);
    const piped = await diagnose(['-', '--json'], { stdin: [bytes] });
    expect(piped.exitCode).toBe(4);
    expect(JSON.parse(piped.out).warnings).toEqual([
      expect.stringContaining(`put ${tool} before fairlead diagnose -`),
    ]);
  });
});

/** Makes a process tell the most memory that it had, in kB, when it ends. */
const TELLS_PEAK = `data:text/javascript,${encodeURIComponent(
  "process.on('exit', () => process._rawDebug('peak', process.resourceUsage().maxRSS))",
)}`;

/** `count` failures with 20,000 different durations. */
function* manyFailures(count: number): Generator<Buffer> {
  const durations = Array.from({ length: 20_000 }, (_, index) => 10 + index / 100);
  const log = Buffer.from(legacyLog(failed(durations)));
  for (let made = 0; made < count; made += durations.length) yield log;
}

/** A megabyte of chatter around each failure, `megabytes` times. */
function* bigLog(megabytes: number): Generator<Buffer> {
  const line =
    '2025-10-11 09:36:34 | INFO     | chunked_migration_strategy:migrate_chunk:198 - 🔄 Processing chunk\r\n';
  const chatter = Buffer.from(line.repeat(Math.ceil(1_000_000 / Buffer.byteLength(line))));
  const failures: LoggedFailure[] = [{ ...failed([8_126.46])[0]!, ...rangeOf(0) }];
  const failure = Buffer.from(legacyLog(failures, { lineEnd: '\r\n' }));
  for (let count = 0; count < megabytes; count++) {
    yield chatter;
    yield failure;
  }
}
