import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { memoir, temporaryFolder } from './program.ts'

test('what a terminal would obey in the names of logs and folders is shown, not sent', async () => {
  await using own = await temporaryFolder()
  const cwd = own.path
  const git = (...words: string[]) =>
    execFileSync('git', ['-C', cwd, '-c', 'user.name=x', '-c', 'user.email=x@y', ...words])
  git('init', '-q', '-b', 'main')
  await writeFile(
    join(cwd, 'memoir.yaml'),
    'format: 1\nid: 01a20814-7621-7419-a8d8-22425ec8720e\nname: "a\\u001b[2Jb"\ncodec: jsonl\ncreated: 2026-11-23T05:21:48.123Z\n',
  )
  await writeFile(join(cwd, '.gitattributes'), '* -text\n')
  git('add', '.')
  git('commit', '-q', '-m', 'A log by hand')
  const folder = join(cwd, 'backup\u001b[2J')
  for (const words of [
    ['init'],
    ['backup', folder],
    ['restore', folder, `${folder}-restored`],
    ['clone', '.', `${folder}-clone`],
  ]) {
    const { code, stdout } = await memoir(words, { cwd })
    expect(code).toBe(0)
    expect(stdout).toContain('\\u001b[2J')
    expect(stdout).not.toContain('\u001b')
  }
})
