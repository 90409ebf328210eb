import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isTrue, parseGitConfig } from '../../src/repository/git-config.ts'
import { gitText, temporaryDirectory } from './real-git.ts'

const TEXT = `# comment
[core]
\trepositoryformatversion = 0
\tbare = true ; said twice
\tFileMode
[Core] bare = false
[remote "a \\"b\\" ; c"]
  url = "https://example.org/#frag" # real comment
\tescaped = a\\tb\\\\c\\"d
\tlong = one \\
two
[extensions]
\tobjectFormat = sha1
`

describe('a git config', () => {
  test('is read as git reads it', () => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'config'), TEXT)
    const config = parseGitConfig(TEXT)
    const keys = ['core.repositoryformatversion', 'core.bare', 'extensions.objectformat']
    for (const key of keys)
      expect(config.get(key), key).toBe(gitText(directory, 'config', '--file', 'config', key))
    for (const key of ['url', 'escaped', 'long']) {
      const asked = gitText(directory, 'config', '--file', 'config', `remote.a "b" ; c.${key}`)
      expect(config.get(`remote.a \\"b\\" ; c.${key}`), key).toBe(asked)
    }
  })

  test('takes a key without a value for true', () => {
    expect(parseGitConfig(TEXT).get('core.filemode')).toBe('true')
  })

  test.each([
    ['true', true],
    ['Yes', true],
    ['on', true],
    ['1', true],
    ['0', false],
    ['false', false],
    ['', false],
    [undefined, false],
  ])('reads %j as %j', (value, expected) => {
    expect(isTrue(value)).toBe(expected)
  })
})
