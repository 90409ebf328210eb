import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const DEMO = join(import.meta.dirname, '../../demo/replication.js')

test('the demo of replication shows a replica that is cut off, catches up, and equals all others', async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [DEMO])
  expect(stderr).toBe('')
  const [, joined = '', cut = '', plugged = ''] = stdout.split(
    /\n(?=Two writers|Pull the network|Plug it in)/,
  )
  expect(joined.match(/position 40 of 40/g)).toHaveLength(4)
  expect(cut.match(/position 80 of 80/g)).toHaveLength(3)
  expect(cut).toMatch(/replica 2 +position 40 of 40, .*; its remote does not answer/)
  expect(plugged.match(/position 80 of 80/g)).toHaveLength(4)
  expect(plugged).toContain('All 4 images are equal: account-1 252, account-2 280, account-3 308')
}, 120_000)
