import type { Machine } from './machine.ts'
import { type Figure, type Goal, isOutOfReach, type Row } from './row.ts'

/** All that a run of the benchmarks found. */
export interface Report {
  readonly date: string
  readonly effort: string
  readonly machine: Machine
  readonly rows: readonly Row[]
}

/** A change of more than this share is worth a word: the machine alone moves a ratio by about half of it. */
const WORTH_TELLING = 0.2

export function formatMachine({
  processor,
  cores,
  memoryGiB,
  system,
  node,
  git,
  fileSystem,
  load,
  newPageUs,
}: Machine): string {
  const hardware = `${processor}, ${cores} cores, ${memoryGiB} GiB, ${newPageUs} µs a new page of memory`
  return `${hardware}; ${system}, ${fileSystem}; node ${node}, git ${git}; load ${load}`
}

/** One row for people: what was measured, against what, and whether its goals hold. */
export function formatRow({ id, measurement, limit, figures, goals, spread, skipped }: Row): string {
  const lines = [`${id}: ${measurement}`]
  if (limit !== undefined) lines.push(`  against    ${limit}`)
  if (skipped !== undefined) lines.push(`  skipped    ${skipped}`)
  if (figures.length > 0) lines.push(`  figures    ${figures.map(formatFigure).join(', ')}`)
  for (const goal of goals) {
    const range = goal.name === 'ratio' && spread !== undefined ? ` [${spread.map(short).join(' to ')}]` : ''
    lines.push(
      `  ${verdict(goal).padEnd(11)}${goal.name} ${short(goal.value)}${range}, goal ${formatBound(goal)}${formatLeast(goal)}`,
    )
  }
  return lines.join('\n')
}

function formatFigure({ name, value, unit }: Figure): string {
  return `${name} ${short(value)} ${unit}`
}

function verdict(goal: Goal): string {
  if (goal.holds) return 'holds'
  return isOutOfReach(goal) ? 'NO REACH' : 'MISSED'
}

function formatLeast({ least }: Goal): string {
  return least === undefined ? '' : `, the least measured is ${short(least)}`
}

function formatBound({ atMost, atLeast }: Goal): string {
  return atMost !== undefined ? `≤ ${atMost}` : `≥ ${atLeast}`
}

/** Three digits that matter. */
function short(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return Number(value.toPrecision(3)).toString()
}

/** A table in Markdown, for the documents. */
export function formatTable(rows: readonly Row[]): string {
  const lines = ['| row | measured | limit | result | goal | |', '|---|---|---|---|---|---|']
  for (const { id, figures, goals, skipped } of rows) {
    const named = (limit: boolean) =>
      figures
        .filter(({ name }) => (name === 'limit') === limit)
        .map((figure) =>
          figure.name === 'measured' || limit
            ? `${short(figure.value)} ${figure.unit}`
            : formatFigure(figure),
        )
        .join('<br>')
    const results = goals.map(({ name, value }) => `${name} ${short(value)}`).join('<br>')
    const verdicts = goals.map(verdictInTable).join('<br>')
    const measured = skipped === undefined ? named(false) : 'skipped'
    lines.push(
      `| ${id} | ${measured} | ${named(true)} | ${results} | ${goals.map(formatBound).join('<br>')} | ${verdicts} |`,
    )
  }
  return lines.join('\n')
}

function verdictInTable(goal: Goal): string {
  if (goal.holds) return 'holds'
  return isOutOfReach(goal) ? `out of reach: the least is ${short(goal.least!)}` : '**missed**'
}

/** Each goal that does not hold, in words. */
export function missedGoals(rows: readonly Row[]): string[] {
  return rows.flatMap(({ id, goals }) =>
    goals
      .filter(({ holds }) => !holds)
      .map(
        (goal) =>
          `${id}: ${goal.name} is ${short(goal.value)}, the goal is ${formatBound(goal)}${formatLeast(goal)}`,
      ),
  )
}

/** What moved by more than a fifth since a stored run: ratios and other results, never absolute limits. */
export function changesSince(baseline: Report, { effort, rows }: Report): string[] {
  if (baseline.effort !== effort)
    return [`the baseline is of a ${baseline.effort} run, this is a ${effort} one: not compared`]
  return rows.flatMap(({ id, goals }) => {
    const before = baseline.rows.find((row) => row.id === id)?.goals ?? []
    return goals.flatMap(({ name, value, atMost }) => {
      const old = before.find((goal) => goal.name === name)?.value
      if (old === undefined || Math.abs(value - old) <= Math.abs(old) * WORTH_TELLING) return []
      const isBetter = atMost !== undefined ? value < old : value > old
      const share = Math.round((value / old - 1) * 100)
      return [
        `${id}: ${name} ${isBetter ? 'better' : 'WORSE'}, ${short(old)} → ${short(value)} (${share > 0 ? '+' : ''}${share} %)`,
      ]
    })
  })
}
