import { median } from '../measure.ts';

/** What a process held at one moment. */
export interface ProcessSample {
  atMs: number;
  pid: number;
  rssMiB: number;
  descriptors: number;
}

export interface Growth {
  pid: number;
  seconds: number;
  samples: number;
  /** Medians of the first and the last third of its life, less what it took to warm up. */
  rssMiB: Level;
  descriptors: Level;
  /** It lived long enough to tell. */
  judged: boolean;
}

interface Level {
  first: number;
  last: number;
  most: number;
  /** Over its life, a single step left out. */
  steadyGrowth: number;
}

const WARM_UP_MS = 45_000;
const LEAST_LIFE_MS = 150_000;
/** The saw-tooth of a garbage collector is of this size. */
const RSS_ALLOWANCE_MIB = 20;
const DESCRIPTOR_ALLOWANCE = 3;

/** The growth of each process over its life, oldest first; a process is known by its id. */
export function growthOf(samples: readonly ProcessSample[]): Growth[] {
  const pids = [...new Set(samples.map(({ pid }) => pid))];
  return pids.map((pid) =>
    growthOfLife(
      pid,
      samples.filter((sample) => sample.pid === pid),
    ),
  );
}

function growthOfLife(pid: number, life: readonly ProcessSample[]): Growth {
  const bornMs = life[0]!.atMs;
  const seconds = (life.at(-1)!.atMs - bornMs) / 1_000;
  const warm = life.filter(({ atMs }) => atMs - bornMs >= WARM_UP_MS);
  const judged = seconds * 1_000 >= LEAST_LIFE_MS && warm.length >= 6;
  const looked = judged ? warm : life;
  const third = Math.max(1, Math.floor(looked.length / 3));
  const between = (read: (sample: ProcessSample) => number) => ({
    first: median(looked.slice(0, third).map(read)),
    last: median(looked.slice(-third).map(read)),
    most: Math.max(...looked.map(read)),
    steadyGrowth: steadyGrowth(looked.map(read)),
  });
  return {
    pid,
    seconds,
    samples: life.length,
    rssMiB: between(({ rssMiB }) => rssMiB),
    descriptors: between(({ descriptors }) => descriptors),
    judged,
  };
}

/** Four times what it grows in a quarter of its life: a step is in a third of all such differences, a leak in each. */
function steadyGrowth(levels: readonly number[]): number {
  const quarter = Math.floor(levels.length / 4);
  const differences = levels.slice(quarter).map((level, index) => level - levels[index]!);
  return 4 * median(differences);
}

/**
 * Lives that grew, in sentences: steadily, or beyond the level at which any of them began. Equal processes have lived
 * at 160 and at 200 MiB, and one came from the first level to the second in one step, and stayed there.
 */
export function faultsOfGrowth(name: string, growth: readonly Growth[]): string[] {
  const judged = growth.filter((life) => life.judged);
  const known = Math.max(...judged.map(({ rssMiB }) => rssMiB.first));
  return judged.flatMap(({ pid, seconds, rssMiB, descriptors }) => {
    const life = `${name} (process ${pid}) in ${Math.round(seconds)} s`;
    const aboveMiB = rssMiB.last - known;
    const opened = descriptors.last - descriptors.first;
    return [
      ...(rssMiB.steadyGrowth > RSS_ALLOWANCE_MIB
        ? [`${life} grew by ${rssMiB.steadyGrowth.toFixed(1)} MiB`]
        : []),
      ...(aboveMiB > RSS_ALLOWANCE_MIB
        ? [`${life} ended ${aboveMiB.toFixed(1)} MiB above the level at which any began`]
        : []),
      ...(opened > DESCRIPTOR_ALLOWANCE
        ? [`${life} opened ${opened} descriptors more than it closed`]
        : []),
    ];
  });
}
