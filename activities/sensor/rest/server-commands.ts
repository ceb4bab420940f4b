import { z } from 'zod';
import type { SensrClient } from './sensr-client.ts';

const PROJECT = '/V/commands/project';

const healthSchema = z.looseObject({
  master: z.union([z.string(), z.number()]).optional(),
  nodes: z.record(z.string(), z.unknown()).optional(),
});

/** As the server spells it; names of states, or their numbers. */
export type ServerHealth = z.output<typeof healthSchema>;

export const getHealth = (client: SensrClient, signal?: AbortSignal): Promise<ServerHealth> =>
  client.ask({ method: 'GET', path: '/results/health' }, healthSchema, signal);

/** What is in a zone just now; in all of them without an id. */
export const getZoneResult = (
  client: SensrClient,
  id: string | undefined,
  signal?: AbortSignal,
): Promise<unknown> =>
  client.ask(
    { method: 'GET', path: '/results/zone', query: { id } },
    z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())]),
    signal,
  );

/** @returns what the server says */
export const applyChange = (client: SensrClient, signal?: AbortSignal): Promise<string> =>
  client.tell({ method: 'POST', path: '/V/commands/apply-change' }, signal);

/** The name of the open project; empty where none is. */
export const currentProject = async (
  client: SensrClient,
  signal?: AbortSignal,
): Promise<string> => {
  const request = { method: 'GET', path: PROJECT } as const;
  return (await client.ask(request, z.object({ project_name: z.string() }), signal)).project_name;
};

export const listProjects = (
  client: SensrClient,
  path: string | undefined,
  signal?: AbortSignal,
): Promise<string[]> =>
  client.ask(
    { method: 'GET', path: `${PROJECT}/list`, query: { path } },
    z.array(z.string()),
    signal,
  );

export interface ProjectCommand {
  /** Create closes the project that is open. */
  verb: 'create' | 'load';
  name: string;
  /** The folder of projects; the server's own where it is undefined. */
  path: string | undefined;
}

/** @returns what the server says */
export const changeProject = (
  client: SensrClient,
  { verb, name, path }: ProjectCommand,
  signal?: AbortSignal,
): Promise<string> =>
  client.tell(
    {
      method: verb === 'create' ? 'PUT' : 'POST',
      path: PROJECT,
      query: { name, path },
    },
    signal,
  );
