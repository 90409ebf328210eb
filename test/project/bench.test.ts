import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { changesSince, missedGoals, type Report } from '../../bench/report.ts'
import { goal, type Row, ratioRow } from '../../bench/row.ts'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
/**
 * All but those that append many events one by one, or start programs that may not be installed: what is asked for, and
 * the rows it gives. In two runs, each of which has its own time.
 */
const QUICK_ROWS = [
  {
    asked: ['append', 'replay', 'open', 'seal', 'index', 'command'],
    rows: [
      'seal',
      'append-one',
      'append-in-flight',
      'append-batches',
      'append-committed',
      'replay',
      'replay-one-type',
      'replay-folded',
      'open-with-snapshot',
      'index-memory',
      'command',
    ],
  },
  {
    asked: ['foreign', 'push', 'fetch', 'backup', 'start', 'event', 'maint'],
    rows: [
      'foreign-commit',
      'push',
      'fetch',
      'backup',
      'backup-increment',
      'start-up',
      'event-loop',
      'maintenance',
      'maintenance-clone',
      'maintenance-append',
    ],
  },
]

describe('the benchmarks', () => {
  const folder = mkdtempSync(join(tmpdir(), 'memoir-bench-test-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  beforeAll(() => {
    execFileSync(join(PROJECT, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.tools.json'], { cwd: PROJECT })
  })

  it.each(QUICK_ROWS)(
    'print the rows they are asked for, from $rows.0 on, as JSON, and leave nothing behind',
    (wanted) => {
      const report = JSON.parse(run('--tiny', '--json', ...wanted.asked.flatMap((row) => ['--only', row])))
      const rows: readonly Row[] = report.rows
      expect(rows.map(({ id }) => id)).toEqual(wanted.rows)
      const values = rows.flatMap(({ figures, goals }) => [...figures, ...goals].map(({ value }) => value))
      expect(values.filter((value) => !Number.isFinite(value))).toEqual([])
      const isShown = (id: string) => id.startsWith('backup')
      expect(rows.filter(({ id, goals }) => goals.length === 0 && !isShown(id))).toEqual([])
      expect(readdirSync(folder)).toEqual([])
    },
  )

  it('refuse a row that does not exist', () => {
    const { status, stderr } = bench('--only', 'teleport')
    expect(status).not.toBe(0)
    expect(stderr).toContain('no row begins with "teleport"')
  })

  it('keep the stored baseline in step with the rows there are', () => {
    const baseline: Report = JSON.parse(readFileSync(join(PROJECT, 'bench/baseline.json'), 'utf8'))
    expect(baseline.rows.map(({ id }) => id)).toEqual(expect.arrayContaining(['append-one', 'replay']))
  })

  function run(...args: readonly string[]): string {
    const { status, stdout, stderr } = bench(...args)
    if (status !== 0) throw new Error(stderr)
    return stdout
  }

  function bench(...args: readonly string[]) {
    const main = join(PROJECT, '.build/bench/main.js')
    return spawnSync(process.execPath, [main, ...args], {
      env: { ...process.env, TMPDIR: folder },
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    })
  }
})

describe('a row of the benchmarks', () => {
  const about = { id: 'append', measurement: 'append', limit: 'write' }

  it('takes the median of the ratios, not the ratio of the medians', () => {
    const pairs = [
      { limit: 1, ours: 2 },
      { limit: 10, ours: 30 },
      { limit: 2, ours: 8 },
    ]
    const { goals, spread } = ratioRow(about, 'ms', pairs, { atMost: 3 })
    expect(goals).toEqual([{ name: 'ratio', value: 3, atMost: 3, holds: true }])
    expect(spread).toEqual([2, 4])
  })

  it('names each goal that does not hold', () => {
    const goals = [
      goal('ratio', 1.6, { atMost: 1.5 }),
      goal('ms', 10, { atMost: 10 }),
      goal('rate', 4, { atLeast: 5 }),
      goal('ratio', 35, { atMost: 3 }, 13),
    ]
    const row: Row = { id: 'x', measurement: '', figures: [], goals }
    expect(missedGoals([row])).toEqual([
      'x: ratio is 1.6, the goal is ≤ 1.5',
      'x: rate is 4, the goal is ≥ 5',
      'x: ratio is 35, the goal is ≤ 3, the least measured is 13',
    ])
  })

  it('tells what moved by more than a fifth since the baseline, and in which direction', () => {
    const report = (ratio: number, rate: number): Report => ({
      date: '',
      effort: 'quick',
      machine: {
        processor: '',
        cores: 1,
        memoryGiB: 1,
        system: '',
        node: '',
        git: '',
        fileSystem: '',
        load: 0,
        newPageUs: 0.2,
      },
      rows: [
        { id: 'a', measurement: '', figures: [], goals: [goal('ratio', ratio, { atMost: 2 })] },
        { id: 'b', measurement: '', figures: [], goals: [goal('ratio', rate, { atLeast: 0.5 })] },
      ],
    })
    expect(changesSince(report(1, 1), report(1.19, 0.81))).toEqual([])
    expect(changesSince(report(1, 1), report(1.25, 0.75))).toEqual([
      'a: ratio WORSE, 1 → 1.25 (+25 %)',
      'b: ratio WORSE, 1 → 0.75 (-25 %)',
    ])
    expect(changesSince(report(1, 1), report(0.75, 1.25))).toEqual([
      'a: ratio better, 1 → 0.75 (-25 %)',
      'b: ratio better, 1 → 1.25 (+25 %)',
    ])
  })
})
