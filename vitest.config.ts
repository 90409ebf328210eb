import { configDefaults, defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/build.ts'],
    exclude: [...configDefaults.exclude, 'test/tmp/**'],
    // Processes rather than threads: tests kill, lock and change directory, and a file that crashes takes only itself.
    pool: 'forks',
    // Two at a time on any machine: most tests start git processes of their own.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: process.env.CI
      ? ['default', ['json', { outputFile: '.build/test-results.json' }]]
      : ['default'],
  },
})
