import { existsSync, rmSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { clone, open, RemoteFailedError } from '../../src/index.ts'
import { isFull } from '../crash/scale.ts'
import { within } from '../crash/time-limit.ts'
import { appendBytes } from './appending.ts'
import type { Fault } from './faulty-proxy.ts'
import { createNetwork, type Network } from './network.ts'
import { expectPrefix, expectSound, head, makeOld } from './soundness.ts'

/** Longer than any transfer here takes. */
const LIMIT_MS = 20_000

interface Scale {
  readonly scheme: 'http' | 'https'
  /** How many random bytes each append carries. */
  readonly bytes: number
  /** From one cut to the next, in bytes. Odd, so that all four kinds come to every place. */
  readonly step: number
}

const SCALES: readonly Scale[] = isFull
  ? [
      { scheme: 'http', bytes: 500, step: 3 },
      { scheme: 'https', bytes: 500, step: 11 },
      // Too large for one request: git sends it in chunks, after asking whether it may.
      { scheme: 'http', bytes: 1_500_000, step: 20_011 },
    ]
  : [
      { scheme: 'http', bytes: 500, step: 601 },
      { scheme: 'https', bytes: 500, step: 2_501 },
    ]

describe.each(SCALES)('over $scheme, cut after each $step bytes, with events of $bytes bytes', (scale) => {
  test('a push leaves a prefix of the log on the remote, says so, and the next one brings the rest', async () => {
    const network = await createNetwork(scale)
    const path = `${network.folder}/log.git`
    await using writer = await open(path, { remote: network.address })
    await appendBytes(writer, scale.bytes)
    await atEachCut(
      network,
      scale,
      () => writer.push(),
      async (fault) => {
        const before = head(network.remote)
        await appendBytes(writer, scale.bytes)
        network.proxy.plan(fault)
        const pushed = writer.push()
        const failure = await failureOf(pushed)
        await network.server.idle()
        await expectPrefix(network.remote, path)
        if (failure === undefined) expect(head(network.remote)).toBe((await pushed).commit)
        else expect(failure, String(failure.cause)).toMatchObject({ code: 'remote-failed', kind: 'network' })
        if (failure?.mayHaveArrived === false) expect(head(network.remote)).toBe(before)
        network.proxy.mend()
        // Not where the writer's branch is: it may have been folded since.
        const { commit, position } = await within(LIMIT_MS, writer.push())
        expect(head(network.remote)).toBe(commit)
        expect(position).toBe(writer.status().events)
      },
    )
    await expectSound(network, path)
  }, 3_600_000)

  test('a pull brings nothing or all, and the next one all', async () => {
    const network = await createNetwork(scale)
    const path = `${network.folder}/replica.git`
    await using source = await open(network.remote)
    await appendBytes(source, scale.bytes)
    await using replica = await clone(network.address, path)
    await appendBytes(source, scale.bytes)
    await atEachCut(
      network,
      scale,
      () => replica.pull(),
      async (fault) => {
        const before = replica.status().commit
        await appendBytes(source, scale.bytes)
        network.proxy.plan(fault)
        const failure = await failureOf(replica.pull())
        if (failure !== undefined) {
          expect(failure).toMatchObject({ code: 'remote-failed', kind: 'network' })
          expect(replica.status().commit).toBe(before)
        }
        network.proxy.mend()
        await within(LIMIT_MS, replica.pull())
        await expectPrefix(path, network.remote)
        expect(replica.status().events).toBe(source.status().events)
      },
    )
    makeOld(path)
    await replica.pull()
    await expectSound(network, path)
  }, 3_600_000)

  test('a clone leaves nothing, or is whole', async () => {
    const network = await createNetwork(scale)
    await using source = await open(network.remote)
    await appendBytes(source, scale.bytes)
    const path = `${network.folder}/copy.git`
    const whole = `${network.folder}/whole.git`
    const cloneWhole = async () => (await clone(network.address, whole)).close()
    await atEachCut(network, scale, cloneWhole, async (fault) => {
      network.proxy.plan(fault)
      const cloned = clone(network.address, path)
      const failure = await failureOf(cloned)
      if (failure === undefined) {
        const copy = await cloned
        expect(copy.status().commit).toBe(source.status().commit)
        await copy.close()
        rmSync(path, { recursive: true })
      } else {
        expect(failure).toMatchObject({ code: 'remote-failed', kind: 'network' })
        expect(existsSync(path)).toBe(false)
      }
    })
    await expectSound(network, whole)
  }, 3_600_000)
})

/** Measures a transfer where nothing fails, then does something for every place where the next one may be cut. */
async function atEachCut(
  { proxy }: Network,
  { step }: Scale,
  transfer: () => Promise<unknown>,
  work: (fault: Fault) => Promise<void>,
): Promise<void> {
  proxy.mend()
  await transfer()
  const passed = { ...proxy.passed }
  for (const direction of ['up', 'down'] as const) {
    for (const [number, afterBytes] of places(passed[direction], step).entries()) {
      const kind = number % 2 === 0 ? 'cut' : 'reset'
      const fault: Fault = { direction, afterBytes, kind, isOnce: number % 4 < 2 }
      await work(fault).catch((cause: unknown) => {
        throw new Error(`after ${JSON.stringify(fault)}`, { cause })
      })
    }
  }
}

/** The last byte is always among them. */
function places(last: number, step: number): number[] {
  return [...Array.from({ length: Math.ceil(last / step) }, (_, number) => number * step), last]
}

async function failureOf(work: Promise<unknown>): Promise<RemoteFailedError | undefined> {
  try {
    await within(LIMIT_MS, work)
    return undefined
  } catch (error) {
    if (error instanceof RemoteFailedError) return error
    throw error
  }
}
