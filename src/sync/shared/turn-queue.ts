import { dirname } from 'node:path'
import { timeOf } from '../../event/time.ts'
import { errorCode, removeQuietly, writeFully } from '../../repository/durable-file.ts'
import type { Clock } from '../../system/clock.ts'
import type { FileSystem } from '../../system/file-system.ts'
import { isLink } from '../../system/links.ts'
import { currentProcess, isRunning } from '../../system/process-identity.ts'
import { Alarm } from './alarm.ts'

/** How long a turn lasts, in milliseconds: some pushes, so that the fetch at its beginning is worth it. */
const TURN_MS = 500
/** Whoever is first for so long is passed over: it does not get on, in milliseconds. */
const LOST_TURN_MS = 10 * TURN_MS
/** How often the second one looks whether it is first, in milliseconds; those behind it look more rarely, once a turn at least. */
const LOOK_EVERY_MS = 5

/** What a ticket says of its owner takes some hundred bytes. */
const MOST_TICKET_BYTES = 4096
/** The last number that twelve digits hold. */
const LAST_NUMBER = 999_999_999_999
const TICKET = /^turn\.(\d{12})$/

/** A place in the queue: a file, whose number counts. */
interface Ticket {
  readonly number: number
  readonly path: string
}

/**
 * Lets writers that reach their remote as a folder push one after the other, in the order in which they came.
 * Pushing at once, they take the processors from each other: of 8 on two cores, two pushes of three were lost.
 *
 * It is a courtesy and proves nothing: the push decides. So the ticket of a process that is gone, or that does
 * not get on, is taken away, and where no ticket can be written, or that one not be taken away, there is no queue.
 *
 * out → waiting → first (it is our turn) → out
 */
export class TurnQueue {
  private own: Ticket | undefined
  private sinceMs = 0
  private isClosed = false
  private readonly alarm = new Alarm()

  constructor(
    private readonly fileSystem: FileSystem,
    private readonly clock: Clock,
    private readonly lostTurnMs = LOST_TURN_MS,
  ) {}

  /** Whether it is our turn. */
  get isFirst(): boolean {
    return this.own !== undefined
  }

  /** Whether it was our turn for long enough. */
  get isOver(): boolean {
    return performance.now() - this.sinceMs > TURN_MS
  }

  /**
   * Waits until it is our turn.
   *
   * @param directory for the tickets; made when it is missing
   * @returns whether it is: not where tickets cannot be written, or taken away
   */
  async enter(directory: string): Promise<boolean> {
    try {
      // Whoever owns the remote would say where tickets are written and removed.
      if ((await isLink(dirname(directory))) || (await isLink(directory))) return false
      await this.fileSystem.makeDirectory(directory)
      this.own = await this.draw(directory)
      await this.waitFor(this.own, directory)
    } catch {
      await this.leave()
    }
    this.sinceMs = performance.now()
    return this.isFirst
  }

  /** Lets the next one have its turn. */
  async leave(): Promise<void> {
    const { own } = this
    this.own = undefined
    if (own !== undefined) await removeQuietly(this.fileSystem, own.path)
  }

  /** Waits for no turn any more. */
  async close(): Promise<void> {
    this.isClosed = true
    this.alarm.ring()
    await this.leave()
  }

  /** Takes the number after the last one. */
  private async draw(directory: string): Promise<Ticket> {
    for (;;) {
      const number = ((await this.tickets(directory)).at(-1)?.number ?? 0) + 1
      // What has more digits is none, and would be drawn again and again.
      if (number > LAST_NUMBER) throw new Error(`no ticket comes after ${number - 1}`)
      const ticket = ticketOf(directory, number)
      try {
        await this.write(ticket)
        return ticket
      } catch (error) {
        if (errorCode(error) !== 'EEXIST') throw error
      }
    }
  }

  /** One that does not say whose it is, as on a full disk, would hold up all that come after it. */
  private async write({ path }: Ticket): Promise<void> {
    const owner = Buffer.from(JSON.stringify(currentProcess(timeOf(this.clock))))
    const file = await this.fileSystem.open(path, 'wx')
    try {
      await writeFully(file, owner).finally(() => file.close())
    } catch (error) {
      await removeQuietly(this.fileSystem, path)
      throw error
    }
  }

  private async waitFor({ number }: Ticket, directory: string): Promise<void> {
    let first: Ticket | undefined
    let firstSinceMs = 0
    while (!this.isClosed) {
      const ahead = (await this.tickets(directory)).filter((other) => other.number < number)
      if (ahead.length === 0) return
      if (ahead[0]!.number !== first?.number) {
        first = ahead[0]!
        firstSinceMs = performance.now()
      }
      const isLost = performance.now() - firstSinceMs > this.lostTurnMs || (await this.isLeft(first))
      if (isLost) await this.takeAway(first)
      else await this.alarm.wait(Math.min(LOOK_EVERY_MS * ahead.length ** 2, TURN_MS), true)
    }
  }

  /** One that stays would be looked at again and again, without a pause. @throws Node's own errors */
  private async takeAway({ path }: Ticket): Promise<void> {
    try {
      await this.fileSystem.remove(path)
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
    }
  }

  /** Lowest number first. */
  private async tickets(directory: string): Promise<Ticket[]> {
    const numbers = (await this.fileSystem.list(directory)).flatMap((name) => TICKET.exec(name)?.[1] ?? [])
    return numbers.sort().map((digits) => ticketOf(directory, Number(digits)))
  }

  /** Whether the process that drew a ticket is gone. */
  private async isLeft({ path }: Ticket): Promise<boolean> {
    try {
      // Whoever owns the remote can put anything there, as often as it is looked at.
      if ((await this.fileSystem.stat(path)).size > MOST_TICKET_BYTES) return false
      return !isRunning(JSON.parse((await this.fileSystem.readFile(path)).toString()))
    } catch {
      // It was given back, or is being written.
      return false
    }
  }
}

function ticketOf(directory: string, number: number): Ticket {
  return { number, path: `${directory}/turn.${String(number).padStart(12, '0')}` }
}
