import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, inject, it } from 'vitest';
import { commandWorld } from './command-world.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const IN_TERMINAL = fileURLToPath(new URL('in-terminal.py', import.meta.url));
const hasPython =
  spawnSync('python3', ['-c', 'import pty, os; os.waitstatus_to_exitcode']).status === 0;

interface Drawn {
  wide: string;
  narrow: string;
  again: string;
  after: string;
  exitCode: number;
}

/** @param until what to wait for after the terminal has become smaller */
async function inTerminal(cwd: string, until: string, temporal = inject('temporalAddress')) {
  const command = [process.execPath, MAIN, 'status', '--watch'];
  const env = { ...process.env, TEMPORAL_ADDRESS: temporal };
  const run = promisify(execFile);
  const { stdout } = await run('python3', [IN_TERMINAL, until, ...command], { cwd, env });
  return JSON.parse(stdout) as Drawn;
}

/** The lines of the last page. */
const linesOf = (drawn: string): string[] =>
  drawn
    .slice(drawn.lastIndexOf('\u001B[H') + 3)
    // oxlint-disable-next-line no-control-regex -- what a terminal understands begins so
    .replaceAll(/\u001B\[[?\d;]*[A-Za-z]/g, '')
    .split('\r\n');

const fill = (query: (sql: string) => Promise<unknown>) =>
  query(
    `insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, double_v)
     select 'IMO9976903', '/a', timestamp '2025-06-15' + n * interval '1 minute', 'Decimal', n from generate_series(0, 239) n`,
  );

describe.skipIf(!hasPython)('status --watch in a terminal', () => {
  it('is a page that follows the size of the terminal, and leaves it as it was', async () => {
    await using world = await commandWorld();
    await fill((sql) => world.database.query(sql));
    {
      await using _worker = await world.startWorker();
      const done = await world.fairlead('migrate', 'IMO9976903', '--to', '2025-06-15T04:00');
      expect(done.exitCode, done.stderr).toBe(0);
    }
    const { wide, narrow, after, exitCode } = await inTerminal(world.folder, '');
    expect(wide).toContain('\u001B[?1049h');
    const [header, , titles, ship] = linesOf(wide);
    expect(header).toMatch(/^fairlead {2}\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}1 ship, 0 not done$/);
    expect(titles).toMatch(/^ship +phase +chunks +done +cells .*left +checksum$/);
    expect(ship).toMatch(/^IMO9976903 +finished +2 of 2 +100 % +240 .*equal$/);
    expect(narrow).not.toContain('\u001B[2J');
    for (const line of linesOf(narrow)) expect(line.length).toBeLessThanOrEqual(70);
    expect(linesOf(narrow).length).toBeLessThanOrEqual(8);
    expect(linesOf(narrow)[3]).toMatch(/^IMO9976903 +finished/);
    expect(after).toContain('\u001B[?25h\u001B[?1049l');
    expect(exitCode).toBe(0);
  });

  it('says that Temporal is away, on the page, and goes on', async () => {
    await using world = await commandWorld();
    const { wide, again, exitCode } = await inTerminal(
      world.folder,
      '\u001B[?2026l',
      '127.0.0.1:1',
    );
    expect(wide).toContain('! no Temporal server answers at 127.0.0.1:1');
    expect(again).toContain('no Temporal server answers');
    expect(exitCode).toBe(0);
  });
});
