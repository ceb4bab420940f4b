import { bundleWorkflowCode, DefaultLogger, Runtime } from '@temporalio/worker';
import { fileURLToPath } from 'node:url';

const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
const logger = new DefaultLogger('ERROR');
Runtime.install({ logger });
let bundle: ReturnType<typeof bundleWorkflowCode> | undefined;

/** All workflows, bundled once for a test file; its workers log errors only. */
export const workflowBundle = () => (bundle ??= bundleWorkflowCode({ workflowsPath, logger }));
