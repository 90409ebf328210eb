import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { MUTATIONS } from '../../scripts/mutations.ts'
import { REPLICATION_MUTATIONS } from '../../scripts/replication-mutations.ts'

const SOURCES = fileURLToPath(new URL('../../src', import.meta.url))

test.each([...MUTATIONS, ...REPLICATION_MUTATIONS])(
  'what "$name" takes out is there, once',
  ({ file, text }) => {
    expect(readFileSync(`${SOURCES}/${file}`, 'utf8').split(text)).toHaveLength(2)
  },
)
