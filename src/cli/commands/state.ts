import { UsageError } from '../../event/errors.ts'
import { ProjectionStoppedError, UnknownProjectionError } from '../../image/errors.ts'
import type { Projection } from '../../image/projection.ts'
import { command, json, option, optionalArgument } from '../command.ts'
import { EntryNotFoundError } from '../errors.ts'
import { findEntry, plainState } from '../plain-state.ts'
import { loadProjections } from '../projection-module.ts'
import { stateLines } from '../state-text.ts'
import { openView } from '../view.ts'

export const state = command({
  inputs: {
    projection: optionalArgument('projection', 'the name of a projection (default: all of the module)'),
    key: optionalArgument('key', 'one entry of its state'),
    projections: option('--projections <module>', 'path of an ES module that exports projections; it is run'),
    json,
  },
  examples: [
    { run: 'memoir state --projections projections.mjs', text: 'the state of all projections' },
    { run: 'memoir state balances account-1 --projections projections.mjs', text: 'one entry of one state' },
  ],
  notes: 'MEMOIR_PROJECTIONS names the module where --projections does not.',
  async run({ projection: name, key, projections: module, json }, context) {
    const { output } = context
    const chosen = chooseProjections(await loadProjections(moduleOf(module), context.signal), name)
    await using view = await openView(context, chosen)
    let stopped: ProjectionStoppedError | undefined
    for (const projection of chosen) {
      let state: unknown
      try {
        state = view.state(projection)
      } catch (error) {
        if (!(error instanceof ProjectionStoppedError)) throw error
        // It keeps none of the others from being shown.
        stopped ??= error
        continue
      }
      const { name, version } = projection
      const head = { projection: name, version, position: view.position }
      if (key !== undefined) {
        const entry = findEntry(state, key)
        if (entry === undefined) throw new EntryNotFoundError(name, key)
        const value = plainState(entry.value)
        if (json) await output.json({ ...head, key, value })
        else await output.lines(stateLines(value, output.width))
      } else if (json) {
        await output.json({ ...head, state: plainState(state) })
      } else {
        await output.line(`${name} (version ${version}) at position ${view.position}`)
        await output.lines(stateLines(plainState(state), output.width).map((line) => `  ${line}`))
      }
    }
    if (stopped !== undefined) throw stopped
  },
})

function moduleOf(given: string | undefined): string {
  const module = given ?? process.env.MEMOIR_PROJECTIONS
  if (module !== undefined && module !== '') return module
  throw new UsageError('no projections given', {
    hint: 'Name the module that exports them: --projections projections.mjs',
  })
}

function chooseProjections(
  all: readonly Projection<unknown>[],
  name: string | undefined,
): readonly Projection<unknown>[] {
  if (name === undefined) return all
  const chosen = all.filter((projection) => projection.name === name)
  if (chosen.length > 0) return chosen
  throw new UnknownProjectionError(name, `The module exports ${all.map((one) => one.name).join(', ')}.`)
}
