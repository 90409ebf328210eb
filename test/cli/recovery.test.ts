import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import type { Context } from '../../src/cli/context.ts'
import { InterruptedError } from '../../src/cli/errors.ts'
import { Messages } from '../../src/cli/messages.ts'
import { openForReading } from '../../src/cli/opening.ts'
import { Output } from '../../src/cli/output.ts'
import type { Progress } from '../../src/cli/progress.ts'
import { leaveInJournal, memoir, temporaryFolder } from './program.ts'

test('Ctrl-C while what a dead writer left is committed says nothing of the journal', async () => {
  await using own = await temporaryFolder()
  const path = join(own.path, 'log.git')
  await memoir(['init', path])
  await leaveInJournal(path, 3)
  const controller = new AbortController()
  const reason = new InterruptedError('SIGINT')
  let openings = 0
  /** The log is opened for a second time to commit what is left. */
  class Interrupting extends Messages {
    override progress(label: string): Progress {
      if (++openings === 2) controller.abort(reason)
      return super.progress(label)
    }
  }
  const said = new PassThrough({ encoding: 'utf8' })
  const context: Context = {
    folder: path,
    output: new Output(new PassThrough(), () => undefined),
    messages: new Interrupting(said),
    debug: () => undefined,
    signal: controller.signal,
    allowLonger: () => undefined,
    onHangUp: () => ({ [Symbol.dispose]: () => undefined }),
    at: undefined,
    run: () => Promise.reject(new Error('no command is run')),
  }
  await expect(openForReading(context)).rejects.toBe(reason)
  expect(said.read()).toBeNull()
  expect((await memoir(['-C', path, 'read'])).stderr).toContain('Committed 3 events')
})
