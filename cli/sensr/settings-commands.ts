import type { Command } from 'commander';
import { getZoneResult } from '../../activities/sensor/rest/server-commands.ts';
import type { SensrClient } from '../../activities/sensor/rest/sensr-client.ts';
import {
  createSettings,
  deleteSettings,
  getSettings,
  listSettings,
  sensors,
  updateSettings,
  zones,
  type Detail,
  type SettingsId,
  type SettingsResource,
} from '../../activities/sensor/rest/settings.ts';
import { FairleadError } from '../../domain/errors.ts';
import { addCommandGroup } from '../command-group.ts';
import { addCommand, conclude, type Outcome } from '../command.ts';
import { renderTable } from '../table.ts';
import { BODY_HELP, jsonObject } from './body.ts';
import { addServerOptions, withServer, type ServerOptions } from './choose-server.ts';

type BodyOptions = ServerOptions & { body: Detail };

/** `fairlead sensr sensors list|get|create|update|delete` */
export function addSensors(sensr: Command): void {
  const group = addResource(sensr, sensors, 'lidar_0000');
  addVerb(group, sensors, 'create', 'add a sensor; the server gives it its id', [
    `--node-uri localhost --type velodyne_vls128 --body '{"name":"pier"}'`,
  ])
    .requiredOption('--node-uri <uri>', 'the node that it is connected to')
    .requiredOption('--type <type>', "the sensor's type, as the server names it")
    .option('--body <json>', BODY_HELP, jsonObject, {})
    .action(async (options: BodyOptions & { nodeUri: string; type: string }) => {
      const query = { 'node-uri': options.nodeUri, 'sensor-type': options.type };
      conclude(await create(options, sensors, query), options);
    });
}

/** `fairlead sensr zones list|get|create|update|delete|results` */
export function addZones(sensr: Command): void {
  const group = addResource(sensr, zones, '1001');
  addVerb(group, zones, 'create', 'add a zone; the server gives it its id', ['--body @gate.json'])
    .requiredOption('--body <json>', BODY_HELP, jsonObject)
    .action(async (options: BodyOptions) => conclude(await create(options, zones), options));
  addVerb(group, zones, 'results [id]', 'what is in a zone just now, or in all', ['1001']).action(
    async (id: string | undefined, options: ServerOptions) =>
      conclude(
        await withServer(options, async (client, signal) =>
          shown(client, 'results', await getZoneResult(client, id, signal)),
        ),
        options,
      ),
  );
}

function addResource(sensr: Command, resource: SettingsResource, id: string): Command {
  const { name, singular } = resource;
  const group = addCommandGroup(sensr, {
    usage: name,
    summary: `the ${name} of a sensor server`,
    examples: [`fairlead sensr ${name} list`, `fairlead sensr ${name} get ${id}`],
  });
  addVerb(group, resource, 'list', `the ids of all ${name}`, ['', '--long'])
    .option('--long', 'with what the server knows of each')
    .action(async (options: ServerOptions & { long?: true }) =>
      conclude(await list(options, resource), options),
    );
  addVerb(group, resource, 'get <id>', `all that the server knows of one ${singular}`, [id]).action(
    async (typed: string, options: ServerOptions) =>
      conclude(
        await withServer(options, async (client, signal) =>
          shown(client, singular, await getSettings(client, resource, typed, signal)),
        ),
        options,
      ),
  );
  addVerb(group, resource, 'update <id>', `change a ${singular}`, [
    `${id} --body '{"name":"gate"}'`,
  ])
    .requiredOption('--body <json>', BODY_HELP, jsonObject)
    .action(async (typed: string, options: BodyOptions) =>
      conclude(await update(typed, options, resource), options),
    );
  addVerb(group, resource, 'delete <id>', `remove a ${singular}`, [id]).action(
    async (typed: string, options: ServerOptions) =>
      conclude(await remove(typed, options, resource), options),
  );
  return group;
}

function addVerb(
  group: Command,
  { name }: SettingsResource,
  usage: string,
  summary: string,
  endings: readonly string[],
): Command {
  const [verb] = usage.split(' ');
  const examples = endings.map((ending) => `fairlead sensr ${name} ${verb} ${ending}`.trim());
  return addServerOptions(addCommand(group, { usage, summary, examples }));
}

const list = (options: ServerOptions & { long?: true }, resource: SettingsResource) =>
  withServer(options, async (client, signal): Promise<Outcome> => {
    const ids = await listSettings(client, resource, signal);
    const { server } = client;
    if (!options.long) {
      return {
        json: { server, [resource.name]: ids },
        text: ids.length === 0 ? `${server} has no ${resource.name}` : ids.join('\n'),
      };
    }
    const details = await Promise.all(
      ids.map((id) => getSettings(client, resource, String(id), signal)),
    );
    return { json: { server, [resource.name]: ids, details }, text: tableOf(ids, details) };
  });

/** Columns are the fields that are no structures. */
function tableOf(ids: readonly SettingsId[], details: readonly Detail[]): string {
  const isPlain = (value: unknown) => ['string', 'number', 'boolean'].includes(typeof value);
  const names = details.flatMap((detail) =>
    Object.keys(detail).filter((name) => isPlain(detail[name]) && name !== 'id' && name !== 'uid'),
  );
  const columns = [...new Set(names)];
  return renderTable(
    ['id', ...columns].map((title) => ({ title })),
    ids.map((id, row) => [
      String(id),
      ...columns.map((name) => (isPlain(details[row]![name]) ? String(details[row]![name]) : '')),
    ]),
  );
}

const create = (
  options: BodyOptions,
  resource: SettingsResource,
  query?: Record<string, string | undefined>,
) =>
  withServer(options, async (client, signal, selector): Promise<Outcome> => {
    const id = await createSettings(client, resource, options.body, query, signal);
    return {
      json: { server: client.server, created: id },
      text: `${resource.singular} ${id} was created; ${applyHint(selector)}`,
    };
  });

const update = (id: string, options: BodyOptions, resource: SettingsResource) => {
  const body = withId(id, options.body, resource);
  return withServer(options, async (client, signal, selector): Promise<Outcome> => {
    const answer = await updateSettings(client, resource, body, signal);
    return {
      json: { server: client.server, updated: id, answer },
      text: `${resource.singular} ${id} was changed${saying(answer)}; ${applyHint(selector)}`,
    };
  });
};

/** The server finds it by the id in the body. */
function withId(id: string, body: Detail, { idField, singular }: SettingsResource): Detail {
  const named = body[idField];
  if (named === undefined) {
    return { [idField]: idField === 'id' && /^\d+$/.test(id) ? Number(id) : id, ...body };
  }
  if (named === id || named === Number(id)) return body;
  throw new FairleadError(
    'usage-invalid',
    `${singular} ${id} is to be changed, but the body has ${idField} ${JSON.stringify(named)}`,
    { hint: `leave ${idField} out of the body, or name the same ${singular}` },
  );
}

const remove = (id: string, options: ServerOptions, resource: SettingsResource) =>
  withServer(options, async (client, signal, selector): Promise<Outcome> => {
    const answer = await deleteSettings(client, resource, id, signal);
    const left = await listSettings(client, resource, signal);
    const isGone = !left.some((other) => String(other) === id);
    const what = `${resource.singular} ${id}`;
    return {
      json: { server: client.server, deleted: isGone ? id : null, answer },
      text: isGone
        ? `${what} was removed${saying(answer)}; ${applyHint(selector)}`
        : `${what} is still there, though the server answered 200${saying(answer)}`,
      exitCode: isGone ? 0 : 4,
    };
  });

const applyHint = (selector: string): string =>
  `fairlead sensr apply-change ${selector} makes the server use it`;

export const saying = (answer: string): string =>
  answer === '' ? '' : ` (the server says: ${answer})`;

const shown = (client: SensrClient, name: string, value: unknown): Outcome => ({
  json: { server: client.server, [name]: value },
  text: JSON.stringify(value, null, 2),
});
