import { open } from '../../src/memoir.ts'

/** Makes an empty log, as `memoir init` does, without a process of its own. */
export async function makeEmptyLog(path: string): Promise<void> {
  await (await open(path, { watch: false, maintenance: false })).close()
}
