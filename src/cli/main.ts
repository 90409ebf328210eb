#!/usr/bin/env node
import { packageVersion } from './version.ts'

// The version is asked for by scripts and shells: it must not load the rest.
const words = process.argv.slice(2)
if (words.length === 1 && (words[0] === '--version' || words[0] === '-V')) {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') return
    process.stderr.write(`memoir: ${message}\n`)
    process.exitCode = 1
  })
  process.stdout.write(`${packageVersion()}\n`)
} else {
  const { runProcess } = await import('./process.ts')
  await runProcess(words)
}
