import type { NewEvent, RecordedEvent } from '../../src/event/event.ts'
import { Image } from '../../src/image/image.ts'
import { type Projection, projection } from '../../src/image/projection.ts'
import { openIndexAhead } from '../../src/image/snapshot-folder.ts'
import { SnapshotStore } from '../../src/image/snapshot-store.ts'
import { Snapshotter } from '../../src/image/snapshotter.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import type { Notice } from '../../src/log/log-state.ts'
import type { OpenEventLogOptions, OpenedLog } from '../../src/log/open-event-log.ts'
import { type FileSystem, nodeFileSystem } from '../../src/system/file-system.ts'
import { openLog } from '../log/log-fixture.ts'

export { TemporaryFolder } from '../repository/real-git.ts'

export interface OpenOptions {
  readonly projections?: readonly Projection<unknown>[]
  readonly readOnly?: boolean
  readonly everyEvents?: number
  readonly fileSystem?: FileSystem
  readonly sealAfterMs?: number
  readonly engine?: OpenEventLogOptions['engine']
}

/** A real log with its image and snapshots, wired as `open` wires them. */
export class ImagedLog implements AsyncDisposable {
  private isClosed = false

  private constructor(
    readonly opened: OpenedLog,
    readonly image: Image,
    readonly store: SnapshotStore,
    readonly snapshotter: Snapshotter | undefined,
    readonly notices: readonly Notice[],
    /** How many events were read from the repository when it was opened. */
    readonly replayed: number,
  ) {}

  static async open(path: string, options: OpenOptions = {}): Promise<ImagedLog> {
    const { projections = [], readOnly = false, everyEvents = 10_000, fileSystem = nodeFileSystem } = options
    const notices: Notice[] = []
    const notify = (notice: Notice) => notices.push(notice)
    let image: Image | undefined
    let ahead: ReturnType<typeof openIndexAhead> | undefined
    let store: SnapshotStore | undefined
    let log: EventLog | undefined
    let snapshotter: Snapshotter | undefined
    let indexPosition = 0
    let replayed = 0
    const opened = await openLog(path, {
      readOnly,
      engine: options.engine,
      seal: { afterMs: options.sealAfterMs ?? 5, maxBytes: 1 << 20 },
      fileSystem,
      notify,
      onSealed: () => snapshotter?.maybeSnapshot(),
      onProgress: () => {
        replayed++
      },
      onFound: (directory) => {
        ahead = openIndexAhead(`${directory}/snapshots`, fileSystem)
      },
      prepare: async ({ branch, reader, directory, manifest }) => {
        const snapshots = new SnapshotStore({
          directory: `${directory}/snapshots`,
          fileSystem,
          logId: manifest.id,
          notify,
          ahead,
        })
        store = snapshots
        image = await Image.open(projections, {
          notify,
          load: (projection, upTo) =>
            snapshots.loadProjection(projection, log?.state.branch ?? branch, reader, upTo),
        })
        const index = await snapshots.loadIndex(branch, reader)
        indexPosition = index?.count ?? 0
        return { listener: image, index }
      },
    })
    log = opened.log
    if (!readOnly) {
      snapshotter = new Snapshotter({
        image: image!,
        state: log.state,
        store: store!,
        everyEvents,
        indexPosition,
        notify,
      })
    }
    return new ImagedLog(opened, image!, store!, snapshotter, notices, replayed)
  }

  get log(): EventLog {
    return this.opened.log
  }

  async append(stream: string, ...events: readonly NewEvent[]): Promise<number> {
    return (await this.log.append([{ stream, events }], undefined, 'journaled')).position
  }

  /** The events of the log, read one by one. */
  async events(): Promise<RecordedEvent[]> {
    const events: RecordedEvent[] = []
    for await (const event of this.log.read()) events.push(event)
    return events
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    await this.log.close()
    await this.snapshotter?.close()
    await this.opened.release()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

interface BankEvents {
  Deposited: { amount: number }
  Withdrawn: { amount: number }
}

/** Balance by stream. */
export const balances = projection<Map<string, number>, BankEvents>({
  name: 'balances',
  version: 1,
  init: () => new Map(),
  when: {
    Deposited(state, { stream, data }) {
      state.set(stream, (state.get(stream) ?? 0) + data.amount)
    },
    Withdrawn(state, { stream, data }) {
      state.set(stream, (state.get(stream) ?? 0) - data.amount)
    },
  },
})

/** What `balances` has to be, folded from events the plain way. */
export function balancesOf(events: readonly RecordedEvent[]): Map<string, number> {
  const state = new Map<string, number>()
  for (const { type, stream, data } of events) {
    if (type !== 'Deposited' && type !== 'Withdrawn') continue
    const { amount } = data as BankEvents['Deposited']
    state.set(stream, (state.get(stream) ?? 0) + (type === 'Deposited' ? amount : -amount))
  }
  return state
}

export function deposit(amount: number): NewEvent {
  return { type: 'Deposited', data: { amount } }
}

export function withdrawal(amount: number): NewEvent {
  return { type: 'Withdrawn', data: { amount } }
}
