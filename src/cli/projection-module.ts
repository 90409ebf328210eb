import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { messageOf } from '../event/errors.ts'
import { isProjection, type Projection } from '../image/projection.ts'
import { abortable } from '../system/abortable.ts'
import { ProjectionModuleError } from './errors.ts'

/**
 * Every projection that a module exports. The module is run: it is the user's own code.
 *
 * @throws ProjectionModuleError, and the signal's reason
 */
export async function loadProjections(
  path: string,
  signal: AbortSignal,
): Promise<readonly Projection<unknown>[]> {
  let exported: Readonly<Record<string, unknown>>
  try {
    exported = await abortable(settledImport(pathToFileURL(resolve(path)).href), signal)
  } catch (cause) {
    signal.throwIfAborted()
    const problem = messageOf(cause).split('\n', 1).join()
    throw new ProjectionModuleError(path, problem, cause)
  }
  const projections = [...new Set(Object.values(exported))].filter(isProjection)
  if (projections.length === 0) throw new ProjectionModuleError(path, 'it exports none')
  return projections
}

/**
 * Imports a module; fails when it waits for what nothing is left to bring about. Node would end the process then,
 * without a word.
 */
async function settledImport(url: string): Promise<Readonly<Record<string, unknown>>> {
  let giveUp = () => {}
  const isStuck = new Promise<never>((_, reject) => {
    giveUp = () => reject(new Error('it waits at its top level (await) for what never comes'))
  })
  process.once('beforeExit', giveUp)
  try {
    return await Promise.race([import(url), isStuck])
  } finally {
    process.off('beforeExit', giveUp)
  }
}
