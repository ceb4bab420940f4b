import { defineConfig } from 'vitest/config';

/** `npm run test:cluster`: what docker-compose.yml says, as processes of this machine. */
export default defineConfig({
  test: {
    include: ['test/cluster/*.cluster.ts'],
    globalSetup: ['test/cluster/prepare-programs.ts'],
    pool: 'forks',
    maxWorkers: 1,
    bail: 1,
    // A bound for a busy machine: each test waits for what happens, a minute or two in all.
    testTimeout: 900_000,
    hookTimeout: 300_000,
  },
});
