import type { Appends, Throughput } from './others.ts'
import { throughput } from './others.ts'
import type { SampleRecord } from './sample-events.ts'
import type { Workspace } from './workspace.ts'

export const SQLITE = 'SQLite, better-sqlite3, WAL, synchronous=FULL'

/** What is used of better-sqlite3, which has no types of its own. */
interface Database {
  pragma(text: string): unknown
  exec(sql: string): void
  prepare(sql: string): { run(...values: readonly unknown[]): unknown }
  transaction<Value>(task: (value: Value) => void): (value: Value) => void
  close(): void
}

const TABLE = `CREATE TABLE events (
  position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, stream TEXT NOT NULL, version INTEGER NOT NULL,
  type TEXT NOT NULL, time TEXT NOT NULL, data TEXT NOT NULL, metadata TEXT NOT NULL, UNIQUE (stream, version)
)`
const INSERT =
  'INSERT INTO events (id, stream, version, type, time, data, metadata) VALUES (?, ?, ?, ?, ?, ?, ?)'

/** @returns why it was not measured, where it was not */
export async function measureSqlite(bench: Workspace, given: Appends): Promise<Throughput | string> {
  const database = await openDatabase(bench.path('events.db'))
  if (database === undefined) {
    return 'better-sqlite3 is not installed: npm install --no-save better-sqlite3@12'
  }
  try {
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = FULL')
    database.exec(TABLE)
    const insert = database.prepare(INSERT)
    const append = database.transaction((records: readonly SampleRecord[]) => {
      for (const { id, stream, version, type, time, data, metadata } of records) {
        insert.run(id, stream, version, type, time, JSON.stringify(data), JSON.stringify(metadata))
      }
    })
    return await throughput(given, append)
  } finally {
    database.close()
  }
}

/** It is compiled when it is installed, which not every machine can do, so it is no dependency of the project. */
async function openDatabase(path: string): Promise<Database | undefined> {
  const name = 'better-sqlite3'
  try {
    const { default: Database }: { default: new (path: string) => Database } = await import(name)
    return new Database(path)
  } catch {
    return undefined
  }
}
