import { readFileSync } from 'node:fs';
import type { z } from 'zod';

/** @returns `undefined` when the file is not there, cannot be read, or holds something else */
export function readJsonFile<T>(file: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}
