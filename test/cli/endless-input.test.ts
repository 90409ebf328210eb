import { expect, test } from 'vitest'
import { memoir, shell, temporaryFolder } from './program.ts'

test.each([
  "yes '' | memoir -C log.git append s T --data -",
  'memoir -C log.git append s T --data-file /dev/zero',
  "yes '' | memoir -C log.git append s T --metadata -",
])('input without an end is refused: %s', async (line) => {
  await using folder = await temporaryFolder()
  const cwd = folder.path
  await memoir(['init', 'log.git'], { cwd })
  expect(await shell(line, { cwd })).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('holds more than'),
  })
})
