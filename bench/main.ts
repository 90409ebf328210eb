// `npm run bench`: measures what docs/performance.md tells of.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { append } from './append.ts'
import { backup } from './backup.ts'
import { command } from './command.ts'
import { eventLoop } from './event-loop.ts'
import { foreignCommit } from './foreign-commit.ts'
import { describeMachine } from './machine.ts'
import { maintenance } from './maintenance.ts'
import { memory } from './memory.ts'
import { opening } from './opening.ts'
import { others } from './others.ts'
import { profile } from './profile.ts'
import { replay } from './replay.ts'
import { replicaLag } from './replica-lag.ts'
import { changesSince, formatMachine, formatRow, formatTable, missedGoals, type Report } from './report.ts'
import type { Group, Row } from './row.ts'
import { seal } from './seal.ts'
import { sharedWriters } from './shared-writers.ts'
import { type Effort, SIZES } from './sizes.ts'
import { startUp } from './start-up.ts'
import { transfer } from './transfer.ts'
import { Workspace } from './workspace.ts'

const GROUPS: readonly Group[] = [
  // First: ext4 without a journal makes files more slowly for minutes after many were removed.
  seal,
  append,
  replay,
  opening,
  memory,
  command,
  foreignCommit,
  transfer,
  backup,
  startUp,
  eventLoop,
  maintenance,
  replicaLag,
  sharedWriters,
  others,
]

const HELP = `npm run bench -- [options]
  --quick        under two minutes, with fewer events and repetitions
  --only <row>   only rows whose id begins so; may be given several times
  --check        exit with 1 and name each goal that does not hold
  --baseline     say what moved by more than 20 % since bench/baseline.json
  --store        write bench/baseline.json
  --json         print JSON instead of text
  --table        print a table in Markdown as well
  --profile <x>  instead: where the time goes in append, append-in-flight, opening or replay
  --tiny         a few seconds, figures mean nothing: for the test that every row runs`

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    tiny: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    check: { type: 'boolean', default: false },
    baseline: { type: 'boolean', default: false },
    store: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    table: { type: 'boolean', default: false },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const isWanted = (id: string) => values.only.length === 0 || values.only.some((start) => id.startsWith(start))

const effort: Effort = values.tiny ? 'tiny' : values.quick ? 'quick' : 'full'

function workspace(): Workspace {
  return new Workspace(SIZES[effort], (text) => process.stderr.write(`… ${text}\n`))
}

async function run(): Promise<void> {
  if (values.store && (values.only.length > 0 || values.tiny)) {
    throw new Error('a baseline is of all rows: leave out --only and --tiny')
  }
  const ids = GROUPS.flatMap(({ rows }) => rows)
  const unknown = values.only.find((start) => !ids.some((id) => id.startsWith(start)))
  if (unknown !== undefined) throw new Error(`no row begins with "${unknown}": ${ids.join(', ')}`)
  const machine = describeMachine()
  if (!values.json) console.log(`${formatMachine(machine)}\n`)

  const rows: Row[] = []
  for (const group of GROUPS.filter((one) => one.rows.some(isWanted))) {
    using bench = workspace()
    const measured = (await group.run(bench)).filter(({ id }) => isWanted(id))
    rows.push(...measured)
    // As JSON they come at the end, all at once: until then this tells how far it is, and stays if it is stopped.
    const tell = values.json ? console.error : console.log
    for (const row of measured) tell(`${formatRow(row)}\n`)
  }
  finish({ date: new Date().toISOString(), effort, machine, rows })
}

function finish(report: Report): void {
  // Beside the sources, from which this was compiled into a folder of its own.
  const file = fileURLToPath(new URL('bench/baseline.json', import.meta.resolve('memoir/package.json')))
  if (values.json) console.log(JSON.stringify(report, undefined, 2))
  if (values.table) console.log(`${formatTable(report.rows)}\n`)
  if (values.baseline) compare(report, file)
  if (values.store) writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`)
  const missed = missedGoals(report.rows)
  if (values.check && missed.length > 0) {
    console.error(`Goals that do not hold:\n${missed.map((goal) => `  ${goal}`).join('\n')}`)
    process.exitCode = 1
  }
}

function compare(report: Report, file: string): void {
  if (!existsSync(file)) throw new Error('there is no baseline yet: npm run bench -- --store')
  const changes = changesSince(JSON.parse(readFileSync(file, 'utf8')), report)
  const text =
    changes.length > 0
      ? changes.map((change) => `  ${change}`).join('\n')
      : '  nothing moved by more than 20 %'
  console.error(`Since the baseline:\n${text}`)
}

async function runProfile(subject: string): Promise<void> {
  using bench = workspace()
  console.log(await profile(subject, bench))
}

if (values.help) console.log(HELP)
else if (values.profile !== undefined) await runProfile(values.profile)
else await run()
