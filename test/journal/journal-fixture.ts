import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { type FileJournalOptions, openFileJournal } from '../../src/journal/file-journal.ts'
import { groupEntries, type Journal, type JournalEntry } from '../../src/journal/journal.ts'

// All at once: by themselves they are compared byte by byte, each as an element of a list.
expect.addEqualityTesters([(a, b) => (Buffer.isBuffer(a) && Buffer.isBuffer(b) ? a.equals(b) : undefined)])

/** An entry of `count` events at a position, its text telling it from every other. */
export function entry(first: number, count = 1, bytes = 40): JournalEntry {
  const line = (position: number) => `{"p":${position},"é":"${'x'.repeat(bytes)}"}\n`
  const lines = Array.from({ length: count }, (_, index) => line(first + index))
  return { first, count, lines: Buffer.from(lines.join('')) }
}

/** A folder that is gone when the test is over. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'memoir-journal-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

export async function readAll(journal: Journal): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = []
  for await (const one of journal.read()) entries.push(one)
  return entries
}

/** Opens, reads everything and closes: what a process would find. */
export async function recover(options: FileJournalOptions): Promise<JournalEntry[]> {
  const journal = await openFileJournal(options)
  const entries = await readAll(journal)
  await journal.close()
  return entries
}

/** Opens, appends each group in an append of its own, and closes. */
export async function fill(options: FileJournalOptions, ...groups: readonly JournalEntry[][]): Promise<void> {
  const journal = await openFileJournal(options)
  for (const group of groups) await journal.append(groupEntries(group), 'durable')
  await journal.close()
}
