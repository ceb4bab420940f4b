import { spawnSync } from 'node:child_process';

/**
 * Has another process start something of the local stack, and kills that process as soon as it has, as a crash does.
 * It runs what `npm test` compiled.
 *
 * @returns the process ids that the killed process left behind
 */
export function startAndDie(file: string, start: string, options: object): number[] {
  const module = new URL(`../dist/workers/stack/${file}.js`, import.meta.url).href;
  const script = `
    import { ${start} } from ${JSON.stringify(module)};
    const worker = () => ({ command: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] });
    const started = await ${start}({ ...${JSON.stringify(options)}, report: () => {}, worker, sensorWorker: worker });
    const pids = started.pids ? Object.values(started.pids()) : [started.pid];
    process.stdout.write(JSON.stringify(pids), () => process.kill(process.pid, 'SIGKILL'));`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', script],
    { encoding: 'utf8', timeout: 60_000 },
  );
  if (!stdout) throw new Error(stderr);
  return JSON.parse(stdout) as number[];
}
