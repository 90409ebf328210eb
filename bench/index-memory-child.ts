// Prints what an open log takes in memory: an empty one, which stands for all that is not the index, and a full
// one.
import { open } from 'memoir'
import type { MemoryUse } from './memory.ts'
import { childInput, usedMemory } from './workspace.ts'

const { empty, full } = childInput<{ empty: string; full: string }>()

async function measure(path: string): Promise<MemoryUse> {
  await using log = await open(path, { readOnly: true })
  const { events, indexBytes } = log.status()
  return { used: usedMemory(), index: indexBytes, events }
}

console.log(JSON.stringify([await measure(empty), await measure(full)]))
