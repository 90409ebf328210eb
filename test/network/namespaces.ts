import { execFileSync, spawnSync } from 'node:child_process'
import { onTestFinished } from 'vitest'
import { isThere } from '../crash/mount.ts'

/** Why there are no network namespaces here, for the name of a test that is skipped; undefined if there are. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux'
  if (process.getuid?.() !== 0) return 'needs root'
  const missing = ['ip', 'nft'].find((program) => !isThere(program))
  if (missing !== undefined) return `needs ${missing}`
  const probe = `memoir-probe-${process.pid}`
  if (spawnSync('ip', ['netns', 'add', probe]).status !== 0) return 'needs network namespaces'
  execFileSync('ip', ['netns', 'delete', probe])
  return undefined
}

let made = 0

/**
 * Two machines, as far as the network goes, and a cable between them: a pair of network namespaces, removed when
 * the test ends.
 */
export class Namespaces {
  readonly near = `memoir-near-${process.pid}-${made}`
  readonly far = `memoir-far-${process.pid}-${made++}`
  readonly farAddress = '10.213.0.2'

  constructor() {
    onTestFinished(() => this.#remove())
    for (const name of [this.near, this.far]) ip('netns', 'add', name)
    ip('link', 'add', 'cable', 'netns', this.near, 'type', 'veth', 'peer', 'name', 'cable', 'netns', this.far)
    ip('-n', this.near, 'address', 'add', '10.213.0.1/24', 'dev', 'cable')
    ip('-n', this.far, 'address', 'add', `${this.farAddress}/24`, 'dev', 'cable')
    for (const name of [this.near, this.far]) {
      ip('-n', name, 'link', 'set', 'lo', 'up')
      ip('-n', name, 'link', 'set', 'cable', 'up')
    }
  }

  /** The words that run a command on one of the machines. */
  on(machine: string, command: string, ...words: readonly string[]): [string, string[]] {
    return ['ip', ['netns', 'exec', machine, command, ...words]]
  }

  unplug(): void {
    ip('-n', this.near, 'link', 'set', 'cable', 'down')
  }

  plugIn(): void {
    ip('-n', this.near, 'link', 'set', 'cable', 'up')
  }

  /** Loses some packets in a hundred, each way. */
  lose(percent: number): void {
    this.#filter(`numgen random mod 100 < ${percent} drop`)
  }

  /** Resets the connection of some packets in a hundred, each way. */
  reset(percent: number): void {
    this.#filter(`meta l4proto tcp numgen random mod 100 < ${percent} reject with tcp reset`)
  }

  /** From now on every packet arrives. */
  mend(): void {
    nft(this.near, 'flush ruleset')
  }

  // The kernel's netem, which loses packets too, is not built into every kernel; nftables is.
  #filter(rule: string): void {
    const chain = (hook: string) => `chain ${hook} { type filter hook ${hook} priority 0; ${rule}; };`
    nft(this.near, `flush ruleset; table ip weather { ${chain('input')} ${chain('output')} };`)
  }

  #remove(): void {
    for (const name of [this.near, this.far]) spawnSync('ip', ['netns', 'delete', name])
  }
}

function ip(...words: readonly string[]): void {
  execFileSync('ip', words, { stdio: 'pipe' })
}

function nft(namespace: string, rules: string): void {
  execFileSync('ip', ['netns', 'exec', namespace, 'nft', rules], { stdio: 'pipe' })
}
