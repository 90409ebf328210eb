import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { packProject } from './pack-project.ts'

/** Packs a project and lints what came out, warnings as errors: one line for each finding. */
export async function checkPackage(project: string): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'memoir-check-'))
  try {
    return await lintTarball(packProject(project, folder))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What publint says about a tarball. */
export async function lintTarball(tarball: string): Promise<readonly string[]> {
  const bytes = new Uint8Array(readFileSync(tarball)).buffer
  const { messages, pkg } = await publint({ pack: { tarball: bytes }, strict: true })
  return messages.map((message) => formatMessage(message, pkg ?? {}, { color: false }) ?? message.code)
}
