import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkRemoteAddress,
  folderOf,
  InvalidRemoteError,
  redactAddress,
  shownAddress,
  splitCredentials,
} from '../../src/repository/remote-address.ts'

describe('checkRemoteAddress', () => {
  it.each([
    ['https://example.com/a.git', 'https'],
    ['HTTPS://user:secret@example.com/a.git', 'https'],
    ['ssh://git@example.com:2222/a.git', 'ssh'],
    ['git@example.com:team/a.git', 'ssh'],
    ['example.com:a.git', 'ssh'],
    ['git@[2001:db8::1]:a.git', 'ssh'],
    ['file:///srv/a.git', 'file'],
    ['/srv/a.git', 'file'],
    ['../a.git', 'file'],
    ['./odd:name', 'file'],
    ['http://localhost:3000/a.git', 'http'],
    ['http://127.0.0.1/a.git', 'http'],
    ['http://[::1]:3000/a.git', 'http'],
  ] as const)('takes %s as %s', (address, transport) => {
    expect(checkRemoteAddress(address)).toBe(transport)
  })

  it.each([
    '',
    '-',
    '--upload-pack=touch canary',
    'ext::sh -c "touch canary"',
    'fd::17',
    'git://example.com/a.git',
    'http://example.com/a.git',
    'http://localhost.example.com/a.git',
    'http://localhost@example.com/a.git',
    'ftp://example.com/a.git',
    'transport::https://example.com',
    'ssh://-oProxyCommand=touch/a.git',
    'ssh://git@-oProxyCommand=touch/a.git',
    '-oProxyCommand=touch:a.git',
    'git@-oProxyCommand=touch:a.git',
    'https:///a.git',
    'http://localhost\\@example.com/a.git',
    'https://',
    'https://example.com/a\n.git',
    'https://me:pass/word@example.com/a.git',
    'ssh://me:secret@example.com/a.git',
    'me:secret@example.com:a.git',
  ])('refuses %j', (address) => {
    expect(() => checkRemoteAddress(address)).toThrow(InvalidRemoteError)
  })

  it('does not show the password of an address it refuses', () => {
    expect(() => checkRemoteAddress('ftp://me:secret@example.com/')).toThrow(/^(?!.*secret).*example\.com/)
  })
})

describe('splitCredentials', () => {
  it.each([
    ['https://example.com/@a.git', 'https://example.com/@a.git', undefined],
    ['https://me@example.com/a.git', 'https://example.com/a.git', { username: 'me', password: undefined }],
    ['https://me:p%40s@example.com/a', 'https://example.com/a', { username: 'me', password: 'p@s' }],
    ['HTTPS://me:p@:%s@example.com', 'HTTPS://example.com', { username: 'me', password: 'p@:%s' }],
    ['https://:p@example.com', 'https://example.com', { username: '', password: 'p' }],
    ['https://me:@example.com', 'https://example.com', { username: 'me', password: '' }],
    ['ssh://git@example.com/a.git', 'ssh://git@example.com/a.git', undefined],
    ['git@example.com:a.git', 'git@example.com:a.git', undefined],
    ['/srv/me:p@a.git', '/srv/me:p@a.git', undefined],
  ])('takes %j apart', (given, address, credentials) => {
    expect(splitCredentials(given)).toEqual({ address, credentials })
  })

  it('refuses what would be another line of what git is told', () => {
    expect(() => splitCredentials('https://me:a%0Ahost=evil@example.com')).toThrow(InvalidRemoteError)
  })
})

describe('shownAddress', () => {
  it.each([
    ["https://me:it's a s@cret@example.com/a", 'https://example.com/a'],
    ['https://me:pass/word@example.com/a', 'https://…'],
    ['https://me:pass#word@example.com/a', 'https://…'],
    ['https://example.com:8443/@scope/a', 'https://example.com:8443/@scope/a'],
    ['https://[::1]/a@b', 'https://[::1]/a@b'],
    ['ext::https://me:secret@example.com', 'ext::https://example.com'],
    ['me:secret@example.com:a.git', 'example.com:a.git'],
    ['git@example.com:a.git', 'git@example.com:a.git'],
    ['../a.git', '../a.git'],
  ])('shows %j as %j', (address, shown) => {
    expect(shownAddress(address)).toBe(shown)
  })
})

describe('redactAddress', () => {
  it('takes credentials out of every URL in a text', () => {
    const text = "fatal: unable to access 'https://me:p%40ss@a.example/x': see ssh://you@b.example:22/y"
    expect(redactAddress(text)).toBe(
      "fatal: unable to access 'https://a.example/x': see ssh://b.example:22/y",
    )
  })

  it('takes out a password that holds an @', () => {
    expect(redactAddress('https://me:p@ss@a.example/x')).toBe('https://a.example/x')
  })

  it('leaves an @ in a path alone', () => {
    expect(redactAddress('https://a.example/@scope/x')).toBe('https://a.example/@scope/x')
  })

  it('never lets a password through', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9!$&'"()*+,;=:._~%@-]{8,20}$/)
    fc.assert(
      fc.property(fc.string(), secret, fc.string(), (before, password, after) => {
        const text = redactAddress(`${before} https://user:S3${password}@host.example/a ${after}`)
        expect(text).not.toContain(`S3${password}`)
      }),
    )
  })
})

describe('the folder of an address', () => {
  it.each([
    ['/srv/a%20b.git', '/srv/a%20b.git'],
    ['../a.git', '../a.git'],
    ['file:///srv/a%20b.git', '/srv/a b.git'],
    ['file:///srv/a#1.git', '/srv/a#1.git'],
    ['file:///srv/100%.git', '/srv/100%.git'],
    ['https://example.org/a.git', undefined],
    ['ada@example.org:a.git', undefined],
  ])('of %s is %s', (address, folder) => {
    expect(folderOf(address)).toBe(folder)
  })
})
