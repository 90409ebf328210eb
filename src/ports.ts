import type { CommonOptions } from './options.ts'
import { systemClock } from './system/clock.ts'
import { nodeFileSystem } from './system/file-system.ts'
import { systemRandom } from './system/random.ts'

/** The ports to the outside that a log works with. */
export type Ports = Required<NonNullable<CommonOptions['ports']>>

/** Those that are given, and the real ones for the rest. */
export function portsOf({ ports = {} }: Pick<CommonOptions, 'ports'>): Ports {
  const { fileSystem = nodeFileSystem, clock = systemClock, random = systemRandom } = ports
  return { fileSystem, clock, random }
}
