import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, relative, sep } from 'node:path'

/** One import, re-export or dynamic import of a source file. */
export interface Import {
  /** What the file wrote, or for a relative import the path it names below the source folder. */
  readonly target: string
  readonly isRelative: boolean
  /** True if nothing of it is left when the file runs: `import type`, `typeof import(…)`. */
  readonly isType: boolean
  readonly line: number
}

export interface SourceFile {
  /** Path below the source folder, with forward slashes. */
  readonly path: string
  readonly imports: readonly Import[]
}

// A comment's first characters, at the start of a line: Biome keeps every comment in one of these forms.
const COMMENT_LINE = /^[ \t]*(?:\/\/|\/\*|\*[ /]|\*$).*$/gm
const STATEMENT = /^(?:import|export)\s+(type\s+)?[\w$*\s,]*(?:\{[^{}]*\})?\s*from\s*['"]([^'"]+)['"]/gm
const SIDE_EFFECT = /^import\s*()['"]([^'"]+)['"]/gm
const DYNAMIC = /(\btypeof\s+)?\bimport\(\s*['"]([^'"]+)['"]/g

/** Reads the imports of every TypeScript file below a folder, sorted by path. */
export function readSourceTree(folder: string): readonly SourceFile[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: relative(folder, file).split(sep).join('/'), text: readFileSync(file, 'utf8') }))
    .map(({ path, text }) => ({ path, imports: importsOf(path, text) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** The imports of one file, by line. Comments are not read, so an example in a docstring counts for nothing. */
export function importsOf(path: string, text: string): readonly Import[] {
  const code = text.replace(COMMENT_LINE, '')
  return [STATEMENT, SIDE_EFFECT, DYNAMIC]
    .flatMap((pattern) => [...code.matchAll(pattern)])
    .map(({ index, 1: type, 2: written = '' }) => ({
      isRelative: written.startsWith('.'),
      target: written.startsWith('.') ? posix.join(posix.dirname(path), written) : written,
      isType: Boolean(type),
      line: code.slice(0, index).split('\n').length,
    }))
    .sort((a, b) => a.line - b.line)
}
