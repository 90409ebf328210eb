import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { start } from '../cli/program.ts'
import type { Random } from './random.ts'

/** What belongs to one log: itself, what it pushes to, and the copies that neighbours make. */
export interface Neighbourhood {
  readonly log: string
  readonly mirror: string
  readonly replica: string
  readonly backup: string
  /** A clone that git makes, for no longer than that takes. */
  readonly clone: string
}

interface Process {
  readonly kill: () => void
  /** What went wrong, undefined when all was well. */
  readonly ended: Promise<string | undefined>
}

const LONGEST_MS = 600
/** Those who are killed do not say what went wrong. */
const KILLED = 'killed'
/** What maintenance says that finds the writer's own under way. */
const AT_WORK = 'maintains this repository'

/**
 * What others do beside a writer, one after the other at random: commands of ours, and git's own housekeeping. Some are
 * killed on the way.
 */
export class Neighbours {
  /** What went wrong with commands of ours: nothing should. */
  readonly complaints: string[] = []
  private isOver = false
  private readonly done: Promise<void>

  constructor(
    private readonly place: Neighbourhood,
    private readonly random: Random,
  ) {
    this.done = this.work()
  }

  /** Begins nothing more. */
  async end(): Promise<void> {
    this.isOver = true
    await this.done
  }

  private async work(): Promise<void> {
    const { random } = this
    while (!this.isOver) {
      const begin = random.pick(NEIGHBOURS)
      const neighbour = begin(this.place)
      const isKilled = random.chance(0.15)
      const timer = isKilled ? setTimeout(neighbour.kill, random.below(LONGEST_MS)) : undefined
      const complaint = await neighbour.ended
      clearTimeout(timer)
      if (complaint !== undefined && !(isKilled && complaint === KILLED)) this.complaints.push(complaint)
      rmSync(this.place.clone, { recursive: true, force: true })
    }
  }
}

const NEIGHBOURS: readonly ((place: Neighbourhood) => Process)[] = [
  ({ log, backup }) => memoir('-C', log, 'backup', backup),
  ({ log }) => memoir('-C', log, 'maintain'),
  ({ log }) => memoir('-C', log, 'verify'),
  ({ log }) => memoir('-C', log, 'status'),
  ({ mirror }) => memoir('-C', mirror, 'maintain'),
  ({ replica }) => memoir('-C', replica, 'pull'),
  ({ log }) => git('-C', log, 'repack', '-a', '-d', '-q'),
  ({ log }) => git('-C', log, 'repack', '--geometric=2', '-d', '-q'),
  ({ log }) => git('-C', log, 'gc', '-q'),
  ({ log }) => git('-C', log, 'pack-refs', '--all'),
  ({ mirror }) => git('-C', mirror, 'gc', '-q'),
  ({ log, clone }) => git('clone', '--quiet', '--no-local', log, clone),
]

function memoir(...words: string[]): Process {
  const { child, ended } = start(words)
  child.stdin.end()
  return {
    kill: () => child.kill('SIGKILL'),
    ended: ended.then(({ code, signal, stderr }) => complaint(['memoir', ...words], code, signal, stderr)),
  }
}

function git(...words: string[]): Process {
  let child: ReturnType<typeof execFile> | undefined
  const ended = new Promise<string | undefined>((resolve) => {
    // Whether it finds all packs that it began with, while others are packing, is its own affair.
    child = execFile('git', words, () => resolve(undefined))
  })
  return { kill: () => child?.kill('SIGKILL'), ended }
}

function complaint(
  words: readonly string[],
  code: number | null,
  signal: NodeJS.Signals | null,
  said: string,
): string | undefined {
  if (signal === 'SIGKILL') return KILLED
  return code === 0 || said.includes(AT_WORK)
    ? undefined
    : `${words.join(' ')} ended with ${code ?? signal}: ${said}`
}
