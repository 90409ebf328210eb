import { describe, expect, it } from 'vitest'
import { MAX_BATCH_BYTES } from '../../../src/repository/layout.ts'
import { profileExcess, profileOf } from '../../../src/sync/push/host-profile.ts'

describe('profileOf', () => {
  it.each([
    ['https://github.com/a/b.git', 6],
    ['git@github.com:a/b.git', 6],
    ['ssh://git@ssh.github.com:443/a/b.git', 6],
    ['https://GitLab.com/a/b.git', 600],
    ['https://user:secret@git.example.org:8443/b.git', 60],
    ['https://notgithub.com/a/b.git', 60],
    ['/srv/b.git', Number.POSITIVE_INFINITY],
    ['file:///srv/github.com/b.git', Number.POSITIVE_INFINITY],
  ])('lets %s be pushed to %d times a minute', (address, pushesAMinute) => {
    expect(profileOf(address).pushesAMinute).toBe(pushesAMinute)
  })

  it('takes what the caller knows better, and the rest as it was', () => {
    const hosts = { 'github.com': { pushesAMinute: 30 } }
    expect(profileOf('https://github.com/a/b', hosts)).toEqual({
      ...profileOf('https://github.com/a/b'),
      pushesAMinute: 30,
    })
    expect(profileOf('https://gitlab.com/a/b', hosts)).toEqual(profileOf('https://gitlab.com/a/b'))
  })
})

describe('profileExcess', () => {
  const github = profileOf('https://github.com/a/b')

  it('finds nothing in files of batches, which stay below what every known host advises', () => {
    expect(MAX_BATCH_BYTES).toBeLessThanOrEqual(github.objectBytes)
    expect(profileExcess(github, { eventBytes: MAX_BATCH_BYTES, directoryEntries: 3000 })).toEqual([])
  })

  it('says that events may be larger than the host advises', () => {
    const [excess, ...others] = profileExcess(github, { eventBytes: 10 << 20, directoryEntries: 1 })
    expect(excess).toContain('limits.eventBytes')
    expect(others).toEqual([])
  })

  it('says that a folder of the log has more files than the host advises', () => {
    expect(profileExcess(github, { eventBytes: 1, directoryEntries: 3001 })).toEqual([
      'a folder of the log has 3001 files, its host advises 3000',
    ])
  })
})
