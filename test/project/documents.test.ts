import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')

const folders = ['.', 'docs', 'docs/decisions', 'docs/guide', 'docs/guide', 'sample-repo']
const documents = folders
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
  .filter((path) => path.endsWith('.md'))

test.each(documents)('%s links only to what is there', (name) => {
  const text = readFileSync(join(root, name), 'utf8')
  const targets = [...text.matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map(([, target]) =>
    join(dirname(name), target!),
  )
  expect(targets.filter((target) => !existsSync(join(root, target)))).toEqual([])
})

test.each(documents)('%s names only files that are there', (name) => {
  const text = readFileSync(join(root, name), 'utf8')
  const paths = [...text.matchAll(/`((?:src|test|docs|scripts|bench|demo|sample-repo)\/[\w./-]+)`/g)]
  expect(paths.map(([, path]) => path!).filter((path) => !existsSync(join(root, path)))).toEqual([])
})
