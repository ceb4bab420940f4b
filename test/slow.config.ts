import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import usual from '../vitest.config.ts';

/** The tests whose bounds are those of operation, not a tenth of them: each file that asks for SLOW_TESTS. */
const slowTests = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => join('test', file))
  .filter((file) => readFileSync(file, 'utf8').includes('SLOW_TESTS'));

export default defineConfig({
  test: {
    ...usual.test,
    include: slowTests,
    // They wait more than they work.
    maxWorkers: 4,
    env: { SLOW_TESTS: '1' },
  },
});
