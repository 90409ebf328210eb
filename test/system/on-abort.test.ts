import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { onAbort } from '../../src/system/on-abort.ts'

test('calls all who listen when the signal is aborted, but those who have gone, also meanwhile', () => {
  const controller = new AbortController()
  const called: string[] = []
  const listen = (name: string) => onAbort(controller.signal, () => called.push(name))
  listen('first')
  const leave = listen('gone before')
  onAbort(controller.signal, () => leaveMeanwhile())
  const leaveMeanwhile = listen('gone meanwhile')
  listen('last')
  leave()
  leave()
  controller.abort()
  expect(called).toEqual(['first', 'last'])
})

test('calls a function as often as it was given', () => {
  const controller = new AbortController()
  let calls = 0
  const listener = () => calls++
  onAbort(controller.signal, listener)
  onAbort(controller.signal, listener)
  const leave = onAbort(controller.signal, listener)
  leave()
  controller.abort()
  expect(calls).toBe(2)
})

test('has one listener at a signal, and none once nobody waits', () => {
  const { signal } = new AbortController()
  const leave = Array.from({ length: 100 }, () => onAbort(signal, () => undefined))
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  for (const one of leave) one()
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  onAbort(signal, () => undefined)
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
})

test('does nothing without a signal', () => {
  expect(onAbort(undefined, () => undefined)()).toBeUndefined()
})
