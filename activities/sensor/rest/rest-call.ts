export type RestMethod = 'GET' | 'PUT' | 'POST' | 'DELETE';

export interface RestRequest {
  method: RestMethod;
  /** `/results/health`; `/V/settings/zone`, whose `/V/` becomes the server's version; may bear a query. */
  path: string;
  /** Without those that are undefined. */
  query?: Record<string, string | undefined>;
  /** Sent as JSON. */
  body?: unknown;
}

export interface RestAnswer {
  status: number;
  text: string;
  /** The server said how long its answer is, and that is what came; else only the end of the connection tells the end. */
  endMarked: boolean;
  attempts: number;
  /** Of the last attempt. */
  seconds: number;
}

/** With the version in its place, and the query. */
export function targetOf({ path, query = {} }: RestRequest, version: string | undefined): string {
  const target = version === undefined ? path : path.replace(/^\/V\//, `/${version}/`);
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`],
  );
  if (pairs.length === 0) return target;
  return `${target}${target.includes('?') ? '&' : '?'}${pairs.join('&')}`;
}

export const needsVersion = ({ path }: RestRequest): boolean => path.startsWith('/V/');

/** Loading a project takes the server long. */
export const isProjectCommand = ({ path }: RestRequest): boolean =>
  /\/commands\/project(?:[/?]|$)/.test(path);

/** A repeated PUT makes a second zone, whatever HTTP says of PUT. */
export const mayRepeat = ({ method }: RestRequest): boolean => method === 'GET';

/** Words after `fairlead sensr` that show what there is, or what became of a call. */
export function lookWords({ path }: RestRequest): string {
  if (path.includes('/settings/sensor-ext')) return 'sensors list';
  if (path.includes('/settings/zone') || path.includes('/results/zone')) return 'zones list';
  return path.includes('/commands/project') ? 'project current' : 'health';
}
