import { execFileSync } from 'node:child_process'
import { accessSync, chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Appends, Throughput } from './others.ts'
import type { SampleRecord } from './sample-events.ts'
import { median } from './statistics.ts'
import type { Workspace } from './workspace.ts'

export const POSTGRES = 'PostgreSQL, its defaults, pgbench over a Unix socket'

const DEBIAN = '/usr/lib/postgresql'
const ACCOUNT = 'postgres'
const TABLE = `CREATE TABLE events (
  position bigserial PRIMARY KEY, stream text NOT NULL, version bigserial, type text NOT NULL, time timestamptz NOT NULL,
  data jsonb NOT NULL, metadata jsonb NOT NULL, UNIQUE (stream, version)
)`

/** @returns why it was not measured, where it was not */
export async function measurePostgres(bench: Workspace, given: Appends): Promise<Throughput | string> {
  const programs = findPrograms()
  if (programs === undefined) return `PostgreSQL is not installed in ${DEBIAN}: apt-get install postgresql`
  const folder = bench.path('postgres')
  mkdirSync(folder)
  const run = (program: string, ...args: readonly string[]) =>
    runAsOwner(folder, join(programs, program), args)
  if (process.getuid?.() === 0) {
    // It does not run as root; its own account has to get at its files.
    chmodSync(join(folder, '..'), 0o755)
    execFileSync('chown', [ACCOUNT, folder])
  }
  const cluster = join(folder, 'cluster')
  run('initdb', '-D', cluster, '-A', 'trust', '-U', ACCOUNT)
  run(
    'pg_ctl',
    '-D',
    cluster,
    '-w',
    '-l',
    join(folder, 'log'),
    '-o',
    `-k ${folder} -c listen_addresses=`,
    'start',
  )
  try {
    const session = ['-h', folder, '-U', ACCOUNT, 'postgres']
    run('psql', '-q', '-c', TABLE, ...session)
    return {
      singles: rateOf(
        folder,
        given.singles.map((record) => [record]),
        session,
        run,
      ),
      batches: rateOf(folder, given.batches, session, run),
    }
  } finally {
    run('pg_ctl', '-D', cluster, '-w', '-m', 'immediate', 'stop')
  }
}

type Run = (program: string, ...args: readonly string[]) => string

/** Events a second of one client, from the median time of its transactions. */
function rateOf(
  folder: string,
  lists: readonly (readonly SampleRecord[])[],
  session: readonly string[],
  run: Run,
): number {
  const script = join(folder, 'script.sql')
  writeFileSync(script, insertOf(lists[0]!))
  const transactions = String(lists.length)
  const log = `times-${transactions}`
  run(
    'pgbench',
    '-n',
    '-f',
    script,
    '-t',
    transactions,
    '-l',
    `--log-prefix=${join(folder, log)}`,
    ...session,
  )
  const name = readdirSync(folder).find((file) => file.startsWith(`${log}.`))!
  // A line a transaction: client, number, microseconds …
  const lines = readFileSync(join(folder, name), 'utf8').trim().split('\n')
  const microseconds = median(lines.map((line) => Number(line.split(' ')[2])))
  return (lists[0]!.length / microseconds) * 1_000_000
}

function insertOf(records: readonly SampleRecord[]): string {
  const text = (value: unknown) => `'${JSON.stringify(value).replaceAll("'", "''")}'`
  const values = records.map(
    ({ stream, type, time, data, metadata }) =>
      `('${stream}', '${type}', '${time}', ${text(data)}, ${text(metadata)})`,
  )
  return `INSERT INTO events (stream, type, time, data, metadata) VALUES ${values.join(', ')};\n`
}

/** The folder of the newest version's programs. */
function findPrograms(): string | undefined {
  try {
    const versions = readdirSync(DEBIAN).sort((left, right) => Number(right) - Number(left))
    const programs = join(DEBIAN, versions[0] ?? '', 'bin')
    for (const program of ['initdb', 'pg_ctl', 'psql', 'pgbench']) accessSync(join(programs, program))
    return programs
  } catch {
    return undefined
  }
}

function runAsOwner(folder: string, program: string, args: readonly string[]): string {
  const isRoot = process.getuid?.() === 0
  const asOwner = isRoot ? ['setpriv', `--reuid=${ACCOUNT}`, `--regid=${ACCOUNT}`, '--clear-groups'] : []
  const [first, ...rest] = [...asOwner, program, ...args] as [string, ...string[]]
  return execFileSync(first, rest, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
