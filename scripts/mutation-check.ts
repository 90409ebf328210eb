// `node .build/scripts/mutation-check.js [text…]`: takes one fsync, comparison or checksum at a time out of a copy of
// the sources and runs the tests that have to notice it. Exits with 1 if one did not. With a text, only the mutations
// whose file or name holds it.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MUTATIONS, type Mutation } from './mutations.ts'
import { REPLICATION_MUTATIONS } from './replication-mutations.ts'

const PROJECT = process.cwd()
const COPIED = ['src', 'test', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'vitest.config.ts']

/** A copy of the project whose sources may be spoilt. */
function copyProject(): string {
  const copy = mkdtempSync(join(tmpdir(), 'memoir-mutation-'))
  for (const name of COPIED) cpSync(join(PROJECT, name), join(copy, name), { recursive: true })
  symlinkSync(join(PROJECT, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

/** @returns what the tests print when one of them fails, undefined when all pass */
function findFailure(copy: string, tests: readonly string[]): string | undefined {
  const vitest = join(PROJECT, 'node_modules/.bin/vitest')
  const files = tests.map((name) => `test/${name}`)
  const { status, stdout, stderr } = spawnSync(vitest, ['run', '--bail=1', ...files], {
    cwd: copy,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  })
  return status === 0 ? undefined : `${stdout}${stderr}`
}

/** @returns the first test that noticed, if one did; @throws when the text is not in its place any more, or no test runs */
function findWitness(copy: string, { file, text, replacement, tests, name }: Mutation): string | undefined {
  const path = join(copy, 'src', file)
  const source = readFileSync(path, 'utf8')
  if (source.split(text).length !== 2) throw new Error(`${name}: its text is not once in src/${file}`)
  writeFileSync(
    path,
    source.replace(text, () => replacement),
  )
  try {
    const failure = findFailure(copy, tests)
    if (failure === undefined) return undefined
    const witness = /FAIL +(.* > .*)/.exec(failure)?.[1]
    if (witness === undefined) throw new Error(`${name}: no test ran, so none noticed:\n${failure}`)
    return witness
  } finally {
    writeFileSync(path, source)
  }
}

const wanted = process.argv.slice(2)
const all = [...MUTATIONS, ...REPLICATION_MUTATIONS]
const chosen = all.filter(({ file, name }) => wanted.every((text) => `${file}: ${name}`.includes(text)))
if (chosen.length === 0) throw new Error(`no mutation is called ${wanted.join(' ')}`)
const copy = copyProject()
try {
  const tests = [...new Set(chosen.flatMap((mutation) => mutation.tests))]
  const failure = findFailure(copy, tests)
  if (failure !== undefined) throw new Error(`the tests are red without any mutation:\n${failure}`)
  let unnoticed = 0
  for (const mutation of chosen) {
    const witness = findWitness(copy, mutation)
    if (witness === undefined) unnoticed++
    console.log(`${witness === undefined ? 'UNNOTICED' : 'noticed  '}  ${mutation.name}`)
    if (witness !== undefined) console.log(`           by ${witness}`)
  }
  console.log(`${chosen.length - unnoticed} of ${chosen.length} mutations were noticed.`)
  if (unnoticed > 0) process.exitCode = 1
} finally {
  rmSync(copy, { recursive: true, force: true })
}
