import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
/** The compiled library, for processes and modules of the tests' own. */
export const LIBRARY = new URL('../../dist/index.js', import.meta.url).href

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd?: string
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  readonly node?: readonly string[]
}

/** Runs the compiled program to its end. */
export async function memoir(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const started = start(words, options)
  started.child.stdin.end(options.input ?? '')
  return started.ended
}

export interface Started {
  readonly child: ChildProcessWithoutNullStreams
  readonly ended: Promise<Ended>
  /** Resolves once standard output, or standard error, holds a text. */
  readonly prints: (text: string) => Promise<void>
}

/** Starts the compiled program. */
export function start(words: readonly string[], options: RunOptions = {}): Started {
  return watch(process.execPath, [...(options.node ?? []), MAIN, ...words], options)
}

/** Starts a module of the test's own, given as text. */
export function startNode(module: string, env: RunOptions['env'] = {}): Started {
  return watch(process.execPath, ['--input-type=module', '-e', module], { env })
}

/** Runs a line of shell in which `memoir` is the compiled program. */
export async function shell(line: string, options: RunOptions & { readonly cwd: string }): Promise<Ended> {
  const memoir = `memoir() { "${process.execPath}" "${MAIN}" "$@"; }`
  const started = watch('sh', ['-c', `${memoir}; ${line}`], options)
  started.child.stdin.end()
  return started.ended
}

function watch(file: string, words: readonly string[], { cwd, env }: RunOptions): Started {
  const child = spawn(file, words, { cwd, env: { ...process.env, NO_COLOR: '1', ...env } })
  let stdout = ''
  let stderr = ''
  let look = () => {}
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    look()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    look()
  })
  child.stdin.on('error', () => undefined)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  const prints = (text: string) =>
    new Promise<void>((resolve, reject) => {
      look = () => {
        if (stdout.includes(text) || stderr.includes(text)) resolve()
      }
      look()
      ended.then(() => reject(new Error(`ended without printing ${text}:\n${stdout}\n${stderr}`)), reject)
    })
  return { child, ended, prints }
}

/** A folder that is removed when the test is done with it. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'memoir-cli-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** The lines of JSON that a command printed. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

/** A module of projections beside the log: balances by stream, the number of events, and names as keys. */
export async function writeProjections(folder: string): Promise<string> {
  const path = join(folder, 'projections.mjs')
  await writeFile(
    path,
    `import { projection } from '${LIBRARY}'
export const balances = projection({
  name: 'balances', version: 1, init: () => new Map(),
  when: { MoneyDeposited(state, { stream, data }) { state.set(stream, (state.get(stream) ?? 0) + data.amount) } },
})
export const deposits = projection({
  name: 'deposits', version: 2, init: () => 0, when: { MoneyDeposited: (count) => count + 1 },
})
export const notAProjection = { name: 'x' }
`,
  )
  return path
}

/** Appends events as a writer that is killed before it commits them. */
export async function leaveInJournal(path: string, count: number): Promise<void> {
  const code = `
    import { open } from '${LIBRARY}'
    const log = await open(${JSON.stringify(path)}, { seal: { afterMs: 1e8, maxBytes: 1e8 } })
    for (let n = 0; n < ${count}; n++) await log.append('left', [{ type: 'Left', data: { n } }])
    process.kill(process.pid, 'SIGKILL')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [, signal] = await once(child, 'exit')
  if (signal !== 'SIGKILL') throw new Error(`the writer was not killed but ended with ${signal}`)
}
