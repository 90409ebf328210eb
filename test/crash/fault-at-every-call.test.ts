import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { type FileSystem, nodeFileSystem } from '../../src/system/file-system.ts'
import { temporaryFolder } from '../log/event-log-fixture.ts'
import { type Call, FaultyFileSystem } from '../system/faulty-file-system.ts'
import { AFTER_A_KILL, findAnomalies } from './checker.ts'
import { forgetLocks, observe } from './observation.ts'
import { Random } from './random.ts'
import { prepare, runScenario, SCENARIOS, type Scenario } from './scenario.ts'
import { times } from './scale.ts'

/** Every so manieth call is hit, from a random one on: all of them in full. */
const STRIDE = times(60, 1)
const LONGEST_RUN = 60_000

/** A file system in which the n-th of certain calls goes wrong. */
interface Fault {
  readonly name: string
  readonly inject: (nth: number) => { readonly fileSystem: FileSystem; readonly hasFired: () => boolean }
}

const always = () => true
// Files of a dead process are closed, so it may do that.
const lives = ({ method }: Call) => method !== 'close'
const isWrite = ({ method }: Call) => method === 'write'
const needsRoom = ({ method, path }: Call) =>
  isWrite({ method, path }) || method === 'makeDirectory' || (method === 'open' && !existsSync(path))

function injecting(
  on: (call: Call) => boolean,
  layers: readonly { effect: Parameters<FaultyFileSystem['fail']>[0]['effect']; times?: number; on?: typeof on }[],
): Fault['inject'] {
  return (nth) => {
    let seen = 0
    // Each layer counts the same calls, the last layer being the outermost.
    const fileSystem = layers.reduce((inner: FileSystem, { effect, times = 1, on: also = on }, layer) => {
      const faulty = new FaultyFileSystem(inner)
      let isReached = false
      let counted = 0
      faulty.fail({
        on: (call) => {
          if (on(call) && ++counted === nth) isReached = true
          if (layer === 0) seen = counted
          return isReached && also(call)
        },
        times,
        effect,
      })
      return faulty
    }, nodeFileSystem)
    return { fileSystem, hasFired: () => seen >= nth }
  }
}

const error = (code: string) => ({ kind: 'error', code }) as const
const ever = Number.POSITIVE_INFINITY

const FAULTS: readonly Fault[] = [
  { name: 'the process dies', inject: injecting(lives, [{ effect: error('DEAD'), times: ever }]) },
  {
    name: 'the process dies after the call',
    inject: injecting(lives, [{ effect: { ...error('DEAD'), late: true } }, { effect: error('DEAD'), times: ever }]),
  },
  {
    name: 'the process dies in the middle of a write',
    inject: injecting(isWrite, [
      { effect: { kind: 'short', bytes: 61 } },
      { effect: { ...error('DEAD'), late: true } },
      { effect: error('DEAD'), times: ever, on: lives },
    ]),
  },
  { name: 'EIO', inject: injecting(always, [{ effect: error('EIO') }]) },
  { name: 'EIO though it was done', inject: injecting(always, [{ effect: { ...error('EIO'), late: true } }]) },
  { name: 'ENOSPC once', inject: injecting(needsRoom, [{ effect: error('ENOSPC') }]) },
  { name: 'ENOSPC from then on', inject: injecting(needsRoom, [{ effect: error('ENOSPC'), times: ever }]) },
  { name: 'a short write', inject: injecting(isWrite, [{ effect: { kind: 'short', bytes: 61 } }]) },
  {
    name: 'a torn write that fails',
    inject: injecting(isWrite, [
      { effect: { kind: 'short', bytes: 61 } },
      { effect: { ...error('EIO'), late: true } },
    ]),
  },
]
