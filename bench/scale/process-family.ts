import { readdirSync, readFileSync } from 'node:fs';
import { cpuSecondsOf } from '../sensor/process-usage.ts';

/** Processor seconds of a process and of its children that live, as a PostgreSQL server has them. */
export function cpuSecondsOfFamily(pid: number): number {
  const children = readdirSync('/proc').filter((name) => parentOf(name) === pid);
  return [pid, ...children.map(Number)].reduce((sum, each) => sum + cpuOrNone(each), 0);
}

function parentOf(name: string): number | undefined {
  if (!/^\d+$/.test(name)) return undefined;
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

/** One that has just ended counts for nothing. */
function cpuOrNone(pid: number): number {
  try {
    return cpuSecondsOf(pid);
  } catch {
    return 0;
  }
}
