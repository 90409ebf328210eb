import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../log/event-log-fixture.ts'
import { AFTER_A_KILL, findAnomalies } from './checker.ts'
import { History } from './history.ts'
import { isThere } from './mount.ts'
import { LATER, observe } from './observation.ts'
import { testProgram } from './program.ts'
import { Random } from './random.ts'
import { isFull, times } from './scale.ts'
import { runWriter } from './writer-process.ts'

/** How far apart the calls are that are hit, from a random one on: every single one in full. */
const STRIDE = times(70, 1)
const reason = process.platform !== 'linux' ? 'needs Linux' : isThere('gcc') ? undefined : 'needs gcc'
const title = 'a fault in a system call of the writer'

describe.skipIf(reason !== undefined)(reason === undefined ? title : `${title} (skipped: ${reason})`, () => {
  beforeAll(() => void testProgram('crash/writer'))

  it.each(['kill', 'kill-after', 'EIO', 'ENOSPC', 'short'])(
    '%s, breaks no promise, whichever call is hit',
    async (kind) => {
      const folder = temporaryFolder()
      const shim = `${folder}/failing-calls.so`
      const source = new URL('failing-calls.c', import.meta.url).pathname
      execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-o', shim, source, '-ldl'])
      const start = isFull ? 1 : 1 + new Random(Date.now()).below(STRIDE)
      for (let at = start, isHit = true; isHit; at += STRIDE) {
        const run = `${folder}/run`
        const report = `${folder}/report`
        mkdirSync(run)
        const path = `${run}/log.git`
        const end = await runWriter(
          { path, name: 'writer', seed: at, clients: 2, operations: 3 },
          {
            limitMs: 30_000,
            environment: {
              LD_PRELOAD: shim,
              FAULT_FOLDER: run,
              FAULT_AT: String(at),
              FAULT_KIND: kind,
              FAULT_REPORT: report,
            },
          },
        )
        isHit = existsSync(report)
        if (isHit && kind.startsWith('kill')) expect(end.signal).toBe('SIGKILL')
        if (!isHit) expect(end).toMatchObject({ state: 'done', failed: undefined })
        const observation = await observe(path, { ports: { clock: LATER } })
        const anomalies = findAnomalies(History.of(end.records), observation, AFTER_A_KILL)
        expect(anomalies, `call ${at}`).toEqual([])
        rmSync(run, { recursive: true })
        rmSync(report, { force: true })
      }
    },
    3_600_000,
  )
})
