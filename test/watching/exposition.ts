/** One line of a Prometheus page. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** @throws {TypeError} for a line that is none of the text format */
export function parseExposition(page: string): Sample[] {
  return page.split('\n').flatMap((line): Sample[] => {
    if (line === '' || line.startsWith('#')) return [];
    const [, name, labels = '', value] = LINE.exec(line) ?? [];
    if (name === undefined) throw new TypeError(`no metric: ${line}`);
    const pairs = Array.from(labels.matchAll(LABEL), ([, key, text]) => [key!, text!] as const);
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }];
  });
}

/** The values of a metric whose labels have these values. */
export const valuesOf = (
  samples: readonly Sample[],
  name: string,
  labels: Record<string, string> = {},
): number[] =>
  samples
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([key, is]) => sample.labels[key] === is))
    .map(({ value }) => value);

/** As PromQL's sum; 0 of nothing. */
export const sumOf = (...of: Parameters<typeof valuesOf>): number =>
  valuesOf(...of).reduce((sum, value) => sum + value, 0);
