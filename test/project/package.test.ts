import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lintTarball } from '../../scripts/check-package.ts'
import { packProject } from '../../scripts/pack-project.ts'

const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const VERSION: unknown = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')).version

describe('the packed package', () => {
  let folder: string
  let tarball: string
  let installed: string

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'memoir-package-'))
    tarball = packProject(PROJECT, folder)
    const user = join(folder, 'user')
    mkdirSync(user)
    writeFileSync(join(user, 'package.json'), '{ "private": true, "type": "module" }')
    run('npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', tarball)
    installed = join(user, 'node_modules', 'memoir')
  }, 240_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** Runs a program in the folder of somebody who installed the package: its standard output. */
  function run(program: string, ...args: readonly string[]): string {
    // npm tells the scripts it runs which package they belong to; the npm started here is in another one.
    const { npm_config_local_prefix: _, ...env } = process.env
    const { status, stdout, stderr } = spawnSync(program, args, {
      cwd: join(folder, 'user'),
      env,
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}${stderr}`)
    return stdout
  }

  function write(name: string, ...lines: readonly string[]): void {
    writeFileSync(join(folder, 'user', name), lines.join('\n'))
  }

  const packedFiles = () =>
    readdirSync(installed, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(installed, join(entry.parentPath, entry.name)).split(sep).join('/'))

  it('prints its version on the command line', () => {
    expect(run('npx', '--no-install', 'memoir', '--version').trim()).toBe(VERSION)
  })

  it('runs a program of five lines', () => {
    write(
      'program.js',
      "import { open } from 'memoir'",
      "const log = await open('bank.git')",
      "await log.append('account-1', [{ type: 'MoneyDeposited', data: { amount: 10 } }])",
      "for await (const { version, type, data } of log.read({ stream: 'account-1' })) console.log(version, type, data)",
      'await log.close()',
    )
    expect(run('node', 'program.js')).toBe('1 MoneyDeposited { amount: 10 }\n')
  })

  /** The compiler's options that the README gives. */
  const documented = (): object => {
    const readme = readFileSync(join(installed, 'README.md'), 'utf8')
    const [, text] = /```json\n([^`]*"compilerOptions"[^`]*)```/.exec(readme) ?? []
    return JSON.parse(text ?? '{}').compilerOptions
  }

  it.each([
    ['as the README says', () => documented()],
    ['as the README says, and no library but the oldest', () => ({ ...documented(), lib: ['es2022'] })],
    ['for a bundler', () => ({ ...documented(), module: 'esnext', moduleResolution: 'bundler' })],
    [
      'with the strictest options',
      () => ({ ...documented(), exactOptionalPropertyTypes: true, lib: ['esnext'] }),
    ],
  ])('gives types to a strict TypeScript project, set up %s', (_, options) => {
    write(
      'program.ts',
      "import { open, projection } from 'memoir'",
      "const total = projection({ name: 'total', version: 1, init: () => 0, when: { Added: (sum) => sum + 1 } })",
      "await using log = await open('bank.git', { projections: [total] })",
      'export const sum: number = log.state(total)',
      '// @ts-expect-error: a number, so the types are known and not `any`',
      'export const text: string = log.state(total)',
    )
    write(
      'tsconfig.json',
      JSON.stringify({
        // Node's types are those of this project: a test installs nothing from elsewhere.
        compilerOptions: {
          ...options(),
          noEmit: true,
          typeRoots: [join(PROJECT, 'node_modules', '@types')],
        },
        files: ['program.ts'],
      }),
    )
    expect(run(join(PROJECT, 'node_modules', '.bin', 'tsc'), '-p', 'tsconfig.json')).toBe('')
  })

  it('compiles the TypeScript of its README in such a project', () => {
    const readme = readFileSync(join(installed, 'README.md'), 'utf8')
    const [, typed] = /```ts\n(.*?)```/s.exec(readme) ?? []
    write(
      'readme.ts',
      "import { open, projection } from 'memoir'",
      typed ?? '',
      "await using log = await open('bank.git', { projections: [balances] })",
      "export const amount: number | undefined = log.state(balances).get('account-1')",
      '// @ts-expect-error: the type of an event is misspelt',
      "projection<number, BankEvents>({ name: 'n', version: 1, init: () => 0, when: { MoneyDeposted: (n) => n } })",
    )
    const compilerOptions = {
      ...documented(),
      noEmit: true,
      typeRoots: [join(PROJECT, 'node_modules', '@types')],
    }
    write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['readme.ts'] }))
    expect(run(join(PROJECT, 'node_modules', '.bin', 'tsc'), '-p', 'tsconfig.json')).toBe('')
  })

  it('holds what a user needs and nothing else', () => {
    const roots = new Set(packedFiles().map((path) => path.replace(/\/.*/s, '/')))
    const documents = ['ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'README.md', 'docs/']
    const known = [...documents, 'sample-repo/', 'dist/', 'package.json']
    expect([...roots].filter((root) => !known.includes(root))).toEqual([])
    expect([...roots]).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'dist/', 'package.json']))
  })

  it('holds what its README links to', () => {
    const readme = readFileSync(join(installed, 'README.md'), 'utf8')
    const targets = [...readme.matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map(([, target]) => target!)
    expect(targets.length).toBeGreaterThan(5)
    expect(targets.filter((target) => !existsSync(join(installed, target)))).toEqual([])
  })

  it('holds built code and its types only, without maps to sources that are not there', () => {
    const built = packedFiles().filter((path) => path.startsWith('dist/'))
    expect(built.filter((path) => !/\.(?:js|d\.ts)$/.test(path))).toEqual([])
    const mapped = built.filter((path) =>
      readFileSync(join(installed, path), 'utf8').includes('sourceMappingURL='),
    )
    expect(mapped).toEqual([])
  })

  it('has a shape that publint finds nothing wrong with', async () => {
    expect(await lintTarball(tarball)).toEqual([])
  })
})
