import type { SensorStream } from '../../domain/sensor.ts';
import { checkedOptions } from '../fault-schemas.ts';
import { isFaultName, type FaultName, type Faults } from '../faults.ts';
import type { SentMessage } from '../stream/sent-log.ts';
import type { RestAnswer, RestRequest } from './resources.ts';

/** What other processes may ask and tell the simulator. */
export interface Controlled {
  faults: Faults;
  counts: () => unknown;
  sent: (filter: { stream?: SensorStream; connection?: number }) => SentMessage[];
}

const PREFIX = '/simulator/';

export const isControl = (path: string): boolean => path.startsWith(PREFIX);

/**
 * `POST /simulator/faults` with `{"name":"close","code":1011}`, `{"clear":"close"}` or `{"clear":true}`;
 * `GET /simulator/faults`, `/simulator/counts`, `/simulator/sent?stream=output&connection=1`.
 */
export async function answerControl(
  { method, path, query, body }: RestRequest,
  { faults, counts, sent }: Controlled,
): Promise<RestAnswer> {
  switch (`${method} ${path.slice(PREFIX.length)}`) {
    case 'GET faults':
      return json(faults.active());
    case 'POST faults':
      return changeFaults(JSON.parse(body) as FaultChange, faults);
    case 'GET counts':
      return json(counts());
    case 'GET sent':
      return json(sent(sentFilter(query)));
    default:
      return { status: 404, body: 'There are faults, counts and sent.' };
  }
}

type FaultChange = { name?: string; clear?: true | string } & Record<string, unknown>;

async function changeFaults(
  { name, clear, ...options }: FaultChange,
  faults: Faults,
): Promise<RestAnswer> {
  if (clear === true) await faults.clear();
  else if (clear !== undefined && isFaultName(clear)) await faults.clear(clear);
  else if (name !== undefined && isFaultName(name)) return setFault(name, options, faults);
  else return { status: 400, body: `There is no fault ${clear ?? name}.` };
  return json(faults.active());
}

async function setFault(name: FaultName, options: unknown, faults: Faults): Promise<RestAnswer> {
  try {
    await faults.set(name, checkedOptions(name, options));
    return json(faults.active());
  } catch (error) {
    if (error instanceof RangeError) return { status: 400, body: error.message };
    throw error;
  }
}

function sentFilter(query: URLSearchParams): { stream?: SensorStream; connection?: number } {
  const connection = query.get('connection');
  return {
    stream: query.get('stream') === 'points' ? 'points' : 'output',
    ...(connection !== null && { connection: Number(connection) }),
  };
}

const json = (value: unknown): RestAnswer => ({ status: 200, body: JSON.stringify(value) });
