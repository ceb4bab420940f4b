import type { Connection } from '@temporalio/client';
import { FairleadError } from '../domain/errors.ts';
import type { SearchAttributeTypes } from '../domain/search-attributes.ts';

/** The server's numbers for the types that we use. */
const typeNumbers: Record<string, number> = { Keyword: 2, Int: 3, Double: 4, Datetime: 6 };

/**
 * Looks whether the namespace knows the search attributes of a worker's workflows: without them they would fail at
 * their first step.
 *
 * @throws {FairleadError} `search-attributes-missing`, with the command that creates them
 */
export async function requireSearchAttributes(
  connection: Pick<Connection, 'operatorService'>,
  namespace: string,
  needed: SearchAttributeTypes,
): Promise<void> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.entries(needed).filter(
    ([name, type]) => customAttributes[name] !== typeNumbers[type],
  );
  if (missing.length === 0) return;
  const names = missing.map(([name]) => name).join(', ');
  const flags = missing.map(([name, type]) => `--name ${name} --type ${type}`).join(' ');
  throw new FairleadError(
    'search-attributes-missing',
    `the Temporal namespace ${namespace} does not have the search attributes ${names} as Fairlead needs them`,
    { hint: `temporal operator search-attribute create --namespace ${namespace} ${flags}` },
  );
}
