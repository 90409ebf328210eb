import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What an https server shows, and what a client has to trust to believe it. All of it PEM. */
export interface Certificate {
  readonly key: string
  readonly cert: string
  /** Of the authority that signed it. */
  readonly authority: string
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** Makes an authority, and a certificate that it signs for some hosts. Costs 50 ms. */
export function createCertificate(hosts: readonly string[]): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'memoir-certificate-'))
  try {
    const openssl = (...args: readonly string[]) =>
      execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
    openssl('req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Tests')
    openssl('req', ...NEW_KEY, '-keyout', 'key.pem', '-out', 'request.pem', '-subj', '/CN=Server')
    const names = hosts.map((host) => `${/^[\d.]+$/.test(host) ? 'IP' : 'DNS'}:${host}`)
    writeFileSync(join(folder, 'names'), `subjectAltName=${names.join(',')}\n`)
    const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names']
    openssl('x509', '-req', '-in', 'request.pem', '-out', 'cert.pem', ...signing)
    const read = (name: string) => readFileSync(join(folder, name), 'utf8')
    return { key: read('key.pem'), cert: read('cert.pem'), authority: read('ca.pem') }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
