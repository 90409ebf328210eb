import { defineConfig } from 'vitest/config'
import { LongestFirst } from './vitest.config.ts'

/** The crash, fault and network tests at their full counts: `npm run test:crash`, two hours or more. */
export default defineConfig({
  test: {
    include: [
      'test/{crash,network}/**/*.test.ts',
      'test/sync/backup/{faults,killed}.test.ts',
      'test/cli/interrupted.test.ts',
    ],
    globalSetup: ['test/build.ts'],
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    env: { MEMOIR_CRASH_TESTS: 'full' },
    testTimeout: 3_600_000,
    hookTimeout: 60_000,
  },
})
