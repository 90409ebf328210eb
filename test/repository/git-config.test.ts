import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isTrue, parseGitConfig, parseGitSettings } from '../../src/repository/git-config.ts'
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

  test('keeps the spaces that are in quotes, and all values of a key', () => {
    const directory = temporaryDirectory()
    const text = '[remote "a"]\n\turl = "/ b " \n\turl = c  " " d\\t ; e\n\turl = f g \n'
    writeFileSync(join(directory, 'config'), text)
    const asked = execFileSync('git', ['config', '--null', '--file', 'config', '--get-all', 'remote.a.url'], {
      cwd: directory,
      encoding: 'utf8',
    })
    expect(parseGitSettings(text).get('remote.a.url')).toEqual(asked.split('\0').slice(0, -1))
  })

  test('with a million spaces in a line is read in no time', () => {
    const spaces = ' '.repeat(1_000_000)
    const started = performance.now()
    expect(parseGitConfig(`[core${spaces}x`).size).toBe(0)
    expect(parseGitConfig(`[core]\n\tname =${spaces}a\u2028b`).get('core.name')).toBe('a\u2028b')
    expect(performance.now() - started).toBeLessThan(1_000)
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
