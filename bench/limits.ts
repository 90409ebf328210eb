import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { deflateSync } from 'node:zlib'
import type { SampleRecord } from './sample-events.ts'
import { median } from './statistics.ts'
import { GIT_ENVIRONMENT } from './workspace.ts'

/** Opens a new file for a limit to write to. */
function withFile<Result>(path: string, task: (descriptor: number) => Result): Result {
  const descriptor = openSync(path, 'w')
  try {
    return task(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Milliseconds of one write and fdatasync, with synchronous calls: the median over the given records. */
export function writeAndSync(path: string, records: readonly SampleRecord[]): number {
  return withFile(path, (descriptor) =>
    median(
      records.map((record) => {
        const line = Buffer.from(`${JSON.stringify(record)}\n`)
        const started = performance.now()
        writeSync(descriptor, line)
        fdatasyncSync(descriptor)
        return performance.now() - started
      }),
    ),
  )
}

/** Events a second through JSON.stringify, with one write and fdatasync for so many lines. */
export function stringifyAndSync(path: string, records: readonly SampleRecord[], lines: number): number {
  return withFile(path, (descriptor) => {
    const started = performance.now()
    for (let from = 0; from < records.length; from += lines) {
      let text = ''
      for (const record of records.slice(from, from + lines)) text += `${JSON.stringify(record)}\n`
      writeSync(descriptor, text)
      fdatasyncSync(descriptor)
    }
    return perSecond(records.length, performance.now() - started)
  })
}

const CHUNK = 1 << 20

/** Events a second through JSON.stringify, deflate at level 1, SHA-1, write and fsync, in chunks of 1 MiB. */
export function compressAndSync(path: string, records: readonly SampleRecord[]): number {
  return withFile(path, (descriptor) => {
    const started = performance.now()
    let text = ''
    const flush = () => {
      const content = Buffer.from(text)
      createHash('sha1').update(content).digest()
      writeSync(descriptor, deflateSync(content, { level: 1 }))
      fsyncSync(descriptor)
      text = ''
    }
    for (const record of records) {
      text += `${JSON.stringify(record)}\n`
      if (text.length >= CHUNK) flush()
    }
    if (text.length > 0) flush()
    return perSecond(records.length, performance.now() - started)
  })
}

export function perSecond(count: number, ms: number): number {
  return (count / ms) * 1000
}

/** Milliseconds until git has told what the branch is, and printed a file of it. */
export async function readWithGit(path: string, file: string): Promise<number> {
  const run = promisify(execFile)
  const options = { env: GIT_ENVIRONMENT }
  const started = performance.now()
  const { stdout } = await run('git', ['-C', path, 'rev-parse', 'refs/heads/main'], options)
  await run('git', ['-C', path, 'cat-file', 'blob', `${stdout.trim()}:${file}`], options)
  return performance.now() - started
}

/** Milliseconds until a program has run to its end. */
export function runNode(...args: readonly string[]): number {
  const started = performance.now()
  execFileSync(process.execPath, args, { stdio: 'ignore' })
  return performance.now() - started
}
