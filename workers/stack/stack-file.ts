import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { identify, isSameProcess } from '../../activities/process-identity.ts';
import { readJsonFile } from './read-json-file.ts';
import { writePrivateFile } from './write-private-file.ts';

const stackAddressesSchema = z.object({
  temporalAddress: z.string(),
  temporalUi: z.string(),
  namespace: z.string(),
  sourceUrl: z.string().describe('holds the password'),
  targetUrl: z.string().describe('holds the password'),
  metricsUrl: z.string().describe("the worker's, as Prometheus reads it"),
  metricsPort: z.number(),
  sensorMetricsUrl: z.string().describe("the sensor worker's, where there is one"),
  sensorMetricsPort: z.number(),
});

const stackFileSchema = stackAddressesSchema.extend({
  owner: z.object({ pid: z.number(), startedAt: z.string() }),
  versions: z.object({ postgres: z.string(), temporalCli: z.string() }),
});

/** Where the parts of a local stack are reached. */
export type StackAddresses = z.infer<typeof stackAddressesSchema>;

/** What other commands learn about a running stack; `owner` is the process that supervises it. */
export type StackFile = z.infer<typeof stackFileSchema>;

const stackFileIn = (home: string): string => join(home, 'stack.json');

export function writeStack(home: string, stack: Omit<StackFile, 'owner'>): void {
  const owner = identify(process.pid);
  writePrivateFile(stackFileIn(home), `${JSON.stringify({ ...stack, owner }, null, 2)}\n`);
}

/** @returns `undefined` when no stack runs in this home; what a killed owner left behind does not count */
export function readStack(home: string): StackFile | undefined {
  const stack = readJsonFile(stackFileIn(home), stackFileSchema);
  return stack !== undefined && isSameProcess(stack.owner) ? stack : undefined;
}

export const removeStack = (home: string): void => rmSync(stackFileIn(home), { force: true });
