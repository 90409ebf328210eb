import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkRemoteAddress, InvalidRemoteError, redactAddress } from '../../src/repository/remote-address.ts'

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
  ])('refuses %j', (address) => {
    expect(() => checkRemoteAddress(address)).toThrow(InvalidRemoteError)
  })

  it('does not show the password of an address it refuses', () => {
    expect(() => checkRemoteAddress('ftp://me:secret@example.com/')).toThrow(/^(?!.*secret).*example\.com/)
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
    const secret = fc.stringMatching(/^[A-Za-z0-9!$&()*+,;=:._~%@-]{8,20}$/)
    fc.assert(
      fc.property(fc.string(), secret, fc.string(), (before, password, after) => {
        const text = redactAddress(`${before} https://user:S3${password}@host.example/a ${after}`)
        expect(text).not.toContain(`S3${password}`)
      }),
    )
  })
})
