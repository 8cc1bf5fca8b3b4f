import { defineConfig } from 'vitest/config'

/**
 * The whole suite runs twice: on the embedded engine, and on a real server (which alone can show locks, races and crashes).
 * Files share the modules of their worker, which halves its time: no test may leave anything in a module.
 */
const shared = { globals: false, isolate: false, testTimeout: 60_000, hookTimeout: 60_000, globalSetup: ['test/support/global.ts'] }

const root = new URL('..', import.meta.url).pathname

export default defineConfig({
  root,
  test: {
    fileParallelism: true,
    maxWorkers: 2,
    maxConcurrency: 6,
    reporters: ['default'],
    projects: [
      {
        extends: true,
        root,
        test: {
          ...shared,
          name: 'embedded',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.server.test.ts'],
          env: { TEST_ENGINE: 'embedded' },
        },
      },
      {
        extends: true,
        root,
        test: {
          ...shared,
          name: 'server',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.embedded.test.ts'],
          env: { TEST_ENGINE: 'server' },
        },
      },
    ],
  },
})
