import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { OutputClosedError, OutputFailedError } from '../../src/cli/errors.ts'
import { Output, type OutputStream } from '../../src/cli/output.ts'

/** A stream that takes a piece at a time, when it is told to. */
class Reader extends Writable {
  readonly pieces: string[] = []
  private take: (() => void) | undefined

  constructor() {
    super({ highWaterMark: 1, decodeStrings: false })
  }

  override _write(piece: string, _: string, done: (error?: Error) => void): void {
    this.pieces.push(piece)
    this.take = () => done()
  }

  takeOne(): void {
    this.take?.()
  }

  goAway(): void {
    this.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
  }
}

const terminal = (colours: boolean): OutputStream =>
  Object.assign(new Reader(), { isTTY: true, columns: 100, hasColors: () => colours })

test('lines are collected and written in large pieces', async () => {
  const reader = new Reader()
  const output = new Output(reader, () => undefined)
  for (let n = 0; n < 100; n++) await output.line('x')
  expect(reader.pieces).toEqual([])
  const flushed = output.flush()
  reader.takeOne()
  await flushed
  expect(reader.pieces).toEqual(['x\n'.repeat(100)])
})

test('writing waits until the reader has taken what it was given', async () => {
  const reader = new Reader()
  const output = new Output(reader, () => undefined)
  let isWritten = false
  const written = output.line('x'.repeat(1 << 17)).then(() => {
    isWritten = true
  })
  await new Promise(setImmediate)
  expect(isWritten).toBe(false)
  reader.takeOne()
  await written
})

test('a reader that goes away is told once, and ends what is written after', async () => {
  const reader = new Reader()
  let closed = 0
  const output = new Output(reader, () => closed++)
  await output.line('x')
  const flushed = output.flush()
  reader.goAway()
  await flushed
  await output.line('y')
  await expect(output.flush()).rejects.toThrow(OutputClosedError)
  expect(closed).toBe(1)
})

test('a terminal that does not know its width, and says 0, is taken for one of 80 columns', () => {
  expect(new Output(Object.assign(terminal(false), { columns: 0 }), () => undefined).width).toBe(80)
})

test('a terminal has a width, a pipe has none', () => {
  expect(new Output(terminal(false), () => undefined).width).toBe(100)
  expect(new Output(new Reader(), () => undefined).width).toBeUndefined()
})

test('text is dimmed only on a terminal with colours', () => {
  expect(new Output(terminal(true), () => undefined).dim('x')).toBe('\u001b[2mx\u001b[22m')
  expect(new Output(terminal(false), () => undefined).dim('x')).toBe('x')
  expect(new Output(new Reader(), () => undefined).dim('x')).toBe('x')
})

test('what cannot be written is told with its cause, once and at every piece after it', async () => {
  const reader = new Reader()
  const reasons: unknown[] = []
  const output = new Output(reader, (reason) => reasons.push(reason))
  await output.line('x')
  const flushed = output.flush()
  reader.destroy(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }))
  await expect(flushed).rejects.toThrow('standard output cannot be written (ENOSPC)')
  await expect(output.flush()).rejects.toThrow(OutputFailedError)
  expect(reasons).toEqual([expect.any(OutputFailedError)])
})
