import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { runNode } from './limits.ts'
import { type Group, ratioRow } from './row.ts'
import { measureInTurn } from './statistics.ts'

export const startUp: Group = {
  rows: ['start-up'],
  run: async ({ sizes }) => {
    const manifest = import.meta.resolve('memoir/package.json')
    const { bin }: { bin: { memoir: string } } = JSON.parse(readFileSync(new URL(manifest), 'utf8'))
    const program = fileURLToPath(new URL(bin.memoir, manifest))
    const pairs = await measureInTurn(
      sizes.processStarts,
      () => runNode('-e', '0'),
      () => runNode(program, '--version'),
    )
    const about = { id: 'start-up', measurement: '`memoir --version`', limit: '`node -e 0`' }
    return [ratioRow(about, 'ms', pairs, { atMost: 1.3 })]
  },
}
