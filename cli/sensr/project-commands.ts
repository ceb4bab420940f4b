import type { Command } from 'commander';
import {
  changeProject,
  currentProject,
  listProjects,
  type ProjectCommand,
} from '../../activities/sensor/rest/server-commands.ts';
import { addCommandGroup } from '../command-group.ts';
import { addCommand, conclude, type Outcome } from '../command.ts';
import { addServerOptions, withServer, type ServerOptions } from './choose-server.ts';
import { saying } from './settings-commands.ts';

type PathOptions = ServerOptions & { path?: string };

/** `fairlead sensr project current|list|create|load` */
export function addProject(sensr: Command): void {
  const group = addCommandGroup(sensr, {
    usage: 'project',
    summary: 'the projects of a sensor server; one is open',
    examples: ['fairlead sensr project current', 'fairlead sensr project load pier'],
  });
  addVerb(group, 'current', 'the project that is open').action(async (options: ServerOptions) =>
    conclude(await current(options), options),
  );
  addVerb(group, 'list', 'the projects that can be loaded')
    .option('--path <folder>', "on the server (default: the server's own)")
    .action(async (options: PathOptions) => conclude(await list(options), options));
  addChange(group, 'create', 'make a new project, which closes the open one');
  addChange(group, 'load', 'open a project');
}

const addVerb = (group: Command, usage: string, summary: string, ending = ''): Command =>
  addServerOptions(
    addCommand(group, {
      usage,
      summary,
      examples: [`fairlead sensr project ${usage.split(' ')[0]}${ending}`],
    }),
  );

function addChange(group: Command, verb: ProjectCommand['verb'], summary: string): void {
  addVerb(group, `${verb} <name>`, summary, ' pier')
    .option('--path <folder>', "on the server (default: the server's own)")
    .action(async (name: string, options: PathOptions) =>
      conclude(await change({ verb, name, path: options.path }, options), options),
    );
}

const current = (options: ServerOptions) =>
  withServer(options, async (client, signal): Promise<Outcome> => {
    const project = await currentProject(client, signal);
    return { json: { server: client.server, project }, text: project || 'no project is open' };
  });

const list = (options: PathOptions) =>
  withServer(options, async (client, signal): Promise<Outcome> => {
    const projects = await listProjects(client, options.path, signal);
    return {
      json: { server: client.server, projects },
      text: projects.length === 0 ? 'there is no project' : projects.join('\n'),
    };
  });

/** Done only when the server names it as the open one. */
const change = (command: ProjectCommand, options: PathOptions) =>
  withServer(options, async (client, signal): Promise<Outcome> => {
    const answer = await changeProject(client, command, signal);
    const project = await currentProject(client, signal);
    const isOpen = project === command.name;
    const done = command.verb === 'create' ? 'was created and is open' : 'is open';
    return {
      json: { server: client.server, project, answer },
      text: isOpen
        ? `project ${project} ${done}${saying(answer)}`
        : `the server answered 200${saying(answer)}, but ${project || 'no project'} is open, not ${command.name}`,
      exitCode: isOpen ? 0 : 4,
    };
  });
