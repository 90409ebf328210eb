import { join } from 'node:path'
import { LAYERS, RESERVED } from './source-rules.ts'
import { type Import, readSourceTree, type SourceFile } from './source-tree.ts'

/** Checks the `src` of a project against layers, reserved modules and import cycles: one line for each finding. */
export function checkSource(project: string): readonly string[] {
  const files = readSourceTree(join(project, 'src'))
  return [...layerFindings(files), ...reservedFindings(files), ...cycleFindings(files)]
}

function layerFindings(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) =>
    file.imports
      .filter((from) => from.isRelative && !mayImport(layerOf(file.path), layerOf(from.target)))
      .map((from) => `${place(file, from)} imports src/${from.target}, ${reason(file.path, from.target)}`),
  )
}

function mayImport(layer: string, imported: string): boolean {
  return layer === imported ? rowOf(layer) >= 0 : rowOf(layer) >= 0 && rowOf(layer) < rowOf(imported)
}

function reason(path: string, target: string): string {
  const unknown = [layerOf(path), layerOf(target)].find((layer) => rowOf(layer) < 0)
  if (unknown !== undefined) return `and "${unknown}" is no layer: name it in scripts/source-rules.ts`
  return `but "${layerOf(path)}" may not import "${layerOf(target)}"`
}

function layerOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : 'root'
}

function rowOf(layer: string): number {
  return LAYERS.findIndex((row) => row.includes(layer))
}

function reservedFindings(files: readonly SourceFile[]): readonly string[] {
  return RESERVED.flatMap(({ modules, rule, files: allowed }) => {
    const uses = (from: Import) => !from.isType && modules.includes(from.target)
    const intruders = files
      .filter((file) => !(file.path in allowed))
      .flatMap((file) => file.imports.filter(uses).map((from) => ({ file, from })))
    const needless = Object.keys(allowed).filter(
      (path) => !files.find((file) => file.path === path)?.imports.some(uses),
    )
    return [
      ...intruders.map(({ file, from }) => `${place(file, from)} imports ${from.target}, but ${rule}`),
      ...needless.map(
        (path) =>
          `src/${path} does not import ${modules.at(-1)}: take it off its list in scripts/source-rules.ts`,
      ),
    ]
  })
}

/**
 * One finding for each import that closes a cycle. Type-only imports count: two files that need each other's
 * types cannot be read one after the other either.
 */
function cycleFindings(files: readonly SourceFile[]): readonly string[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const done = new Set<string>()
  const findings: string[] = []

  const visit = (file: SourceFile, way: readonly string[]): void => {
    if (done.has(file.path)) return
    const here = [...way, file.path]
    for (const from of file.imports.filter((candidate) => candidate.isRelative)) {
      const start = here.indexOf(from.target)
      const next = byPath.get(from.target)
      if (start >= 0)
        findings.push(
          `${place(file, from)} closes a cycle: ${[...here.slice(start), from.target].join(' → ')}`,
        )
      else if (next) visit(next, here)
    }
    done.add(file.path)
  }

  for (const file of files) visit(file, [])
  return findings
}

function place(file: SourceFile, from: Import): string {
  return `src/${file.path}:${from.line}`
}
