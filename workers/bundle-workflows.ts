import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { packageRoot } from './configuration/package-root.ts';

// Run by the build, after the compiler: a worker that finds its bundle starts in half the time and memory.
const below = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const MAP_HEAD = 'sourceMappingURL=data:application/json;charset=utf-8;base64,';

/** A release tells nothing of the machine that built it: paths in its source map begin at the package. */
function impersonal(code: string): string {
  const start = code.lastIndexOf(MAP_HEAD) + MAP_HEAD.length;
  const map = Buffer.from(code.slice(start), 'base64').toString();
  const short = map.replaceAll(`${packageRoot}/`, '');
  return `${code.slice(0, start)}${Buffer.from(short).toString('base64')}`;
}

const { code } = await bundleWorkflowCode({
  workflowsPath: below('../workflows/index.js'),
  logger: new DefaultLogger('WARN'),
});
writeFileSync(below('../workflows.bundle.js'), impersonal(code));
