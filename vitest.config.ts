import { configDefaults, defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The files that take longest, beginning with the longest. */
const LONGEST = [
  'crash/fault-at-every-call',
  'crash/crash-states',
  'hostile/fetches',
  'cli/commands',
  'cli/interrupted',
  'cli/examples',
  'hostile/programs',
  'sync/backup/faults',
  'sync/shared/shared-log',
].map((name) => `/test/${name}.test.ts`)

/** Where vitest knows no times yet it begins with the largest files: one worker would end long before the other. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rankOf = ({ moduleId }: TestSpecification) => {
      const rank = LONGEST.findIndex((end) => moduleId.endsWith(end))
      return rank === -1 ? LONGEST.length : rank
    }
    return (await super.sort(files)).sort((one, other) => rankOf(one) - rankOf(other))
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/build.ts'],
    exclude: [...configDefaults.exclude, 'test/tmp/**'],
    // Processes rather than threads: tests kill, lock and change directory, and a file that crashes takes only itself.
    pool: 'forks',
    // Two at a time on any machine: most tests start git processes of their own.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: process.env.CI
      ? ['default', ['json', { outputFile: '.build/test-results.json' }]]
      : ['default'],
  },
})
