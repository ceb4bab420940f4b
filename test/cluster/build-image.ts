import { cp, mkdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import {
  Cmd,
  Copy,
  DockerfileParser,
  Entrypoint,
  Env,
  From,
  User,
  Workdir,
  type Instruction,
} from 'dockerfile-ast';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import type { Report } from '../../workers/stack/report.ts';
import { runCommand } from '../../workers/stack/run-command.ts';
import { filesOfContext } from '../deploy/build-context.ts';
import { readText } from '../deploy/compose-file.ts';

/** What the Dockerfile makes, as a folder of this machine. */
export interface BuiltImage {
  /** Holds what the steps made, below the paths of the image. */
  root: string;
  workdir: string;
  environment: Record<string, string>;
  entrypoint: string[];
  command: string[];
}

const STEP_LIMIT_MS = 900_000;

/**
 * Runs the steps of the Dockerfile in an empty folder, with the files that .dockerignore leaves in its context and
 * the Node that runs this. Paths of the image lie below a folder for each stage; accounts are this machine's.
 *
 * @throws when a step fails, or is of a kind that is not known here
 */
export async function buildImage(folder: string, report: Report): Promise<BuiltImage> {
  const stages = new Map<string, BuiltImage>();
  let image: BuiltImage | undefined;
  for (const step of DockerfileParser.parse(readText('Dockerfile')).getInstructions()) {
    report(step.toString());
    if (step instanceof From) {
      const name = step.getBuildStage() ?? 'last';
      image = await startStage(join(folder, name), stages.get(step.getImage()!));
      stages.set(name, image);
    } else if (image) await runStep(step, image, stages);
    else throw new Error(`${step.toString()} stands before the first FROM`);
  }
  return image!;
}

async function startStage(root: string, base: BuiltImage | undefined): Promise<BuiltImage> {
  await mkdir(root, { recursive: true });
  if (base) await cp(base.root, root, { recursive: true });
  const { workdir = '/', environment = {}, entrypoint = [], command = [] } = base ?? {};
  return { root, workdir, environment: { ...environment }, entrypoint, command };
}

async function runStep(
  step: Instruction,
  image: BuiltImage,
  stages: ReadonlyMap<string, BuiltImage>,
): Promise<void> {
  if (step instanceof Workdir) await enter(image, step.getPath()!);
  else if (step instanceof Env) setVariables(image, step);
  else if (step instanceof Copy) await copyInto(image, step, stages);
  else if (step.getInstruction() === 'RUN') await runShell(image, step.getArgumentsContent()!);
  else if (step instanceof Entrypoint) image.entrypoint = stringsOf(step);
  else if (step instanceof Cmd) image.command = stringsOf(step);
  // Which account that is, is the image's own matter.
  else if (!(step instanceof User)) throw new Error(`${step.toString()} is not known here`);
}

const stringsOf = (step: Entrypoint | Cmd): string[] =>
  step.getJSONStrings().map((part) => JSON.parse(part.getValue()) as string);

async function enter(image: BuiltImage, path: string): Promise<void> {
  image.workdir = resolve(image.workdir, path);
  await mkdir(join(image.root, image.workdir), { recursive: true });
}

function setVariables({ environment }: BuiltImage, step: Env): void {
  for (const property of step.getProperties())
    environment[property.getName()] = property.getValue()!;
}

async function copyInto(
  image: BuiltImage,
  step: Copy,
  stages: ReadonlyMap<string, BuiltImage>,
): Promise<void> {
  const words = step.getArguments().map((argument) => argument.getValue());
  const [sources, last] = [words.slice(0, -1), words.at(-1)!];
  const target = join(image.root, resolve(image.workdir, last));
  const stage = step.getFromFlag()?.getValue();
  for (const source of sources)
    if (stage) await cp(join(stages.get(stage)!.root, source), target, { recursive: true });
    else await copyFromContext(source, target, last.endsWith('/'));
}

/** A file goes into a folder, or becomes the target; of a folder, what is in it goes into the target. */
async function copyFromContext(source: string, target: string, intoFolder: boolean): Promise<void> {
  const prefix = source === '.' ? '' : `${source}/`;
  const files = filesOfContext().filter((file) => file === source || file.startsWith(prefix));
  if (files.length === 0) throw new Error(`COPY ${source}: the context has no such file`);
  for (const file of files) {
    const inFolder = file === source ? basename(file) : file.slice(prefix.length);
    const place = file === source && !intoFolder ? target : join(target, inFolder);
    await mkdir(dirname(place), { recursive: true });
    await cp(join(packageRoot, file), place);
  }
}

async function runShell(
  { root, workdir, environment }: BuiltImage,
  content: string,
): Promise<void> {
  const script = content.replace(/^(--\w+=\S+\s+)+/, '');
  // A path of the image would be this machine's here.
  if (/(^|\s)\//.test(script))
    throw new Error(`RUN ${script}: absolute paths cannot be tried here`);
  const result = await runCommand('sh', ['-c', script], {
    timeoutMs: STEP_LIMIT_MS,
    cwd: join(root, workdir),
    env: { ...surroundings(), ...environment },
  });
  if (result.code !== 0)
    throw new Error(`RUN ${script} ended with ${result.code}:\n${result.stdout}${result.stderr}`);
}

/** What a build has too, and how this machine reaches the package registry. */
export const surroundings = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) =>
      /^(PATH|HOME|(https?|no)_proxy|npm_config_(registry|cafile|cache)|NODE_EXTRA_CA_CERTS)$/i.test(
        name,
      ),
    ),
  );
