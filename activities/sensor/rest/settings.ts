import { z } from 'zod';
import type { SensrClient } from './sensr-client.ts';

/** A kind of thing that the sensor server keeps: each has an id, which the server assigns. */
export interface SettingsResource {
  /** As people type it: `fairlead sensr zones list`. */
  name: string;
  singular: string;
  path: string;
  idParameter: string;
  /** Of its id in a body. */
  idField: string;
}

export const sensors: SettingsResource = {
  name: 'sensors',
  singular: 'sensor',
  path: '/V/settings/sensor-ext',
  idParameter: 'sensor-id',
  idField: 'uid',
};

export const zones: SettingsResource = {
  name: 'zones',
  singular: 'zone',
  path: '/V/settings/zone',
  idParameter: 'zone-id',
  idField: 'id',
};

export type SettingsId = string | number;
export type Detail = Record<string, unknown>;

const idSchema = z.union([z.string().min(1), z.int()]);
export const detailSchema = z.record(z.string(), z.unknown());

export const listSettings = (
  client: SensrClient,
  resource: SettingsResource,
  signal?: AbortSignal,
): Promise<SettingsId[]> =>
  client.ask({ method: 'GET', path: resource.path }, z.array(idSchema), signal);

export const getSettings = (
  client: SensrClient,
  resource: SettingsResource,
  id: string,
  signal?: AbortSignal,
): Promise<Detail> =>
  client.ask(
    {
      method: 'GET',
      path: resource.path,
      query: { [resource.idParameter]: id },
    },
    detailSchema,
    signal,
  );

/** @returns the id that the server gave it */
export const createSettings = (
  client: SensrClient,
  resource: SettingsResource,
  body: Detail,
  query: Record<string, string | undefined> = {},
  signal?: AbortSignal,
): Promise<SettingsId> =>
  client.ask({ method: 'PUT', path: resource.path, query, body }, idSchema, signal);

/** @returns what the server says */
export const updateSettings = (
  client: SensrClient,
  resource: SettingsResource,
  body: Detail,
  signal?: AbortSignal,
): Promise<string> => client.tell({ method: 'POST', path: resource.path, body }, signal);

/** @returns what the server says */
export const deleteSettings = (
  client: SensrClient,
  resource: SettingsResource,
  id: string,
  signal?: AbortSignal,
): Promise<string> =>
  client.tell(
    {
      method: 'DELETE',
      path: resource.path,
      query: { [resource.idParameter]: id },
    },
    signal,
  );
