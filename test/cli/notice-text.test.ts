import { expect, test } from 'vitest'
import { noticeText } from '../../src/cli/notice-text.ts'

test('a projection that stopped is told with its name and the event, not with its own words alone', () => {
  const error = new Error('boom')
  expect(noticeText({ kind: 'projection-stopped', projection: 'balances', position: 7, error })).toBe(
    'The projection "balances" stopped at position 7: boom',
  )
})
