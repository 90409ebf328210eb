import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Queue } from '../../src/repository/queue.ts'

describe('Queue', () => {
  it('behaves as an array does', () => {
    const steps = fc.array(fc.oneof(fc.integer(), fc.constantFrom('shift' as const, 'drain' as const)))
    fc.assert(
      fc.property(steps, (commands) => {
        const queue = new Queue<number>()
        let model: number[] = []
        for (const command of commands) {
          if (command === 'shift') {
            expect(queue.shift()).toBe(model.shift())
          } else if (command === 'drain') {
            expect(queue.drain()).toEqual(model)
            model = []
          } else {
            queue.push(command)
            model.push(command)
          }
          expect([queue.size, queue.peek()]).toEqual([model.length, model[0]])
        }
      }),
    )
  })
})
