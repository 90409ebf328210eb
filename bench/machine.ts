import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os'

/** Where figures were measured. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  readonly git: string
  /** Of the temporary folder, where everything is written. */
  readonly fileSystem: string
  /** How many processes wanted to run, in the last minute. */
  readonly load: number
  /**
   * What the first use of 4 KiB of memory takes, in microseconds: a fraction of one where the hardware keeps the page
   * tables, ten and more on some virtual machines. There, whatever reads much into memory of its own is that much slower.
   */
  readonly newPageUs: number
}

export function describeMachine(): Machine {
  const processors = cpus()
  return {
    processor: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`,
    node: process.version,
    git: execFileSync('git', ['--version'], { encoding: 'utf8' }).trim().replace('git version ', ''),
    fileSystem: fileSystemOf(tmpdir()),
    load: Math.round(loadavg()[0]! * 10) / 10,
    newPageUs: Math.round(measureNewPage() * 10) / 10,
  }
}

const PAGE = 4096
const PAGES = 8192

function measureNewPage(): number {
  const memory = Buffer.allocUnsafeSlow(PAGE * PAGES)
  const started = performance.now()
  for (let page = 0; page < PAGES; page++) memory[page * PAGE] = 1
  return ((performance.now() - started) * 1000) / PAGES
}

/** The type of the mount that holds a folder, as Linux tells it. */
function fileSystemOf(folder: string): string {
  try {
    const mounts = readFileSync('/proc/self/mounts', 'utf8').trim().split('\n')
    const holding = mounts
      .map((line) => line.split(' '))
      .filter(([, point = '']) => `${folder}/`.startsWith(point === '/' ? '/' : `${point}/`))
      .sort(([, left = ''], [, right = '']) => left.length - right.length)
    return holding.at(-1)?.[2] ?? 'unknown'
  } catch {
    return 'unknown'
  }
}
