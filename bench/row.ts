import { median, type Pair } from './statistics.ts'
import type { Workspace } from './workspace.ts'

/** A measured value with what it is a value of. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
}

/** What a figure has to keep to. */
export interface Goal {
  /** What of the row it is about: `ratio`, or a figure such as `ms`. */
  readonly name: string
  readonly value: number
  readonly atMost?: number
  readonly atLeast?: number
  /** The least that was measured of anything that does the same. */
  readonly least?: number
  readonly holds: boolean
}

/** One line of the table. */
export interface Row {
  readonly id: string
  readonly measurement: string
  /** What it is held against. */
  readonly limit?: string
  readonly figures: readonly Figure[]
  readonly goals: readonly Goal[]
  /** The smallest and the largest of the ratios whose median counts. */
  readonly spread?: readonly [number, number]
  /** Why there are no figures. */
  readonly skipped?: string
}

/** Rows that are measured together. */
export interface Group {
  /** The ids of its rows. */
  readonly rows: readonly string[]
  readonly run: (bench: Workspace) => Promise<Row[]>
}

type Bound = { readonly atMost: number } | { readonly atLeast: number }

export function goal(name: string, value: number, bound: Bound, least?: number): Goal {
  const holds = 'atMost' in bound ? value <= bound.atMost : value >= bound.atLeast
  return { name, value, ...bound, ...(least !== undefined && { least }), holds }
}

/** Whether even the least that was measured is more than the goal allows. */
export function isOutOfReach({ atMost, least }: Goal): boolean {
  return atMost !== undefined && least !== undefined && least > atMost
}

/** A row whose goal is a ratio of ours to a limit, pair by pair. */
export function ratioRow(
  { id, measurement, limit }: { readonly id: string; readonly measurement: string; readonly limit: string },
  unit: string,
  pairs: readonly Pair[],
  bound: Bound,
): Row {
  const ratios = pairs.map(({ limit, ours }) => ours / limit)
  return {
    id,
    measurement,
    limit,
    figures: [
      { name: 'measured', value: median(pairs.map(({ ours }) => ours)), unit },
      { name: 'limit', value: median(pairs.map(({ limit }) => limit)), unit },
    ],
    goals: [goal('ratio', median(ratios), bound)],
    spread: [Math.min(...ratios), Math.max(...ratios)],
  }
}

/** The same row with what the least took that was measured beside it, in the unit of the limit. */
export function withLeast(row: Row, name: string, value: number): Row {
  const { value: limit, unit } = row.figures.find((figure) => figure.name === 'limit')!
  const goals = row.goals.map((goal) => ({ ...goal, least: value / limit }))
  return { ...withFigure(row, { name, value, unit }), goals }
}

/** The same row with one more figure. */
export function withFigure(row: Row, figure: Figure): Row {
  return { ...row, figures: [...row.figures, figure] }
}

export function skippedRow(id: string, measurement: string, skipped: string): Row {
  return { id, measurement, figures: [], goals: [], skipped }
}
