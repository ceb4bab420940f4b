import { join, resolve } from 'node:path';
import { inject } from 'vitest';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { mountsOf, readComposeFile, type ComposeService } from '../deploy/compose-file.ts';
import { surroundings } from './build-image.ts';

/** A service of docker-compose.yml as a process of this machine. */
export interface ServiceProcess {
  words: string[];
  environment: Record<string, string>;
}

export const compose = readComposeFile();

/**
 * What a container would run, with the paths that are mounted where they lie, and the addresses of other services
 * where they are here.
 *
 * @param places by the address in docker-compose.yml, such as `temporal:7233`
 */
export function serviceProcess(
  name: string,
  places: Readonly<Record<string, string>>,
): ServiceProcess {
  const service = compose.services[name]!;
  const here = (text: string) => addressHere(pathHere(text, service), places);
  const variables = Object.entries(service.environment ?? {});
  return {
    words: wordsOf(service).map(here),
    environment: {
      ...(surroundings() as Record<string, string>),
      ...(service.build === undefined ? {} : inject('image').environment),
      PATH: `${inject('programs')}:${process.env['PATH']}`,
      ...Object.fromEntries(variables.map(([key, value]) => [key, here(String(value))])),
    },
  };
}

/** Ours have the entrypoint of their image, which `node` of this machine runs. */
function wordsOf({ build, entrypoint, command }: ComposeService): string[] {
  if (build === undefined) return [...(entrypoint ?? []), ...(command ?? [])];
  const image = inject('image');
  const [program, ...words] = image.entrypoint;
  const paths = words.map((word) => (word.startsWith('/') ? join(image.root, word) : word));
  return [program!, ...paths, ...(command ?? [])];
}

function pathHere(text: string, service: ComposeService): string {
  const mount = mountsOf(service).find(({ target }) => target === text);
  return mount?.source.startsWith('.') ? resolve(packageRoot, mount.source) : text;
}

function addressHere(text: string, places: Readonly<Record<string, string>>): string {
  const names = Object.keys(places).toSorted((one, other) => other.length - one.length);
  return names.reduce((result, name) => result.replaceAll(name, places[name]!), text);
}
