import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** Up is from the client to the server. */
export type Direction = 'up' | 'down'

/** When the bytes so far reach a count, something happens to the network. */
export interface Fault {
  readonly direction: Direction
  /** So many bytes still pass in this direction, over all connections since the fault was planned. */
  readonly afterBytes: number
  /**
   * `cut` ends the connections in order, `reset` without (RST), `stall` keeps them open and lets nothing
   * pass, either way.
   */
  readonly kind: 'cut' | 'reset' | 'stall'
  /** Whether new connections work afterwards. Default: no, until the network is mended. */
  readonly isOnce?: boolean
}

/** A network between a client and a server, that fails at a byte of one's choice. */
export class FaultyProxy implements AsyncDisposable {
  /** How many bytes passed since the last plan or mending. */
  readonly passed = { up: 0, down: 0 }
  /** How long each byte is under way, in milliseconds. */
  delayMs = 0
  /** Asked for each connection; what is not accepted is reset. */
  accepts: () => boolean = () => true
  #fault: Fault | undefined
  #hasFailed = false
  #state: 'working' | Fault['kind'] = 'working'
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #target: { readonly port: number; readonly host: string }

  static async start(target: { readonly port: number; readonly host: string }): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(target)
    await new Promise<void>((resolve) => proxy.#server.listen(0, target.host, resolve))
    return proxy
  }

  private constructor(target: { readonly port: number; readonly host: string }) {
    this.#target = target
    this.#server = createServer((client) => this.#join(client))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Whether the planned fault has happened. */
  get hasFailed(): boolean {
    return this.#hasFailed
  }

  /** Mends the network, and lets it fail once so many bytes have passed from now on. */
  plan(fault: Fault): void {
    this.mend()
    this.#fault = fault
  }

  /** From now on all works; what was open is closed, so that nothing of before arrives later. */
  mend(): void {
    this.#closeAll('reset')
    this.#fault = undefined
    this.#hasFailed = false
    this.#state = 'working'
    this.passed.up = 0
    this.passed.down = 0
  }

  /** Fails now. */
  fail(kind: Fault['kind']): void {
    this.#state = kind
    this.#hasFailed = true
    if (kind !== 'stall') this.#closeAll(kind)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#closeAll('reset')
    await closed
  }

  #join(client: Socket): void {
    this.#keep(client)
    if (this.#state === 'stall') return
    if (this.#state !== 'working' || !this.accepts()) {
      client.resetAndDestroy()
      return
    }
    const server = connect(this.#target)
    this.#keep(server)
    this.#forward('up', client, server)
    this.#forward('down', server, client)
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => this.#sockets.delete(socket))
  }

  #forward(direction: Direction, from: Socket, to: Socket): void {
    from.on('data', (chunk: Buffer) => this.#later(() => this.#pass(direction, chunk, to)))
    from.once('close', () => this.#later(() => this.#state !== 'stall' && to.end()))
  }

  #later(work: () => void): void {
    // Timers of one length fire in the order in which they were set.
    if (this.delayMs > 0) setTimeout(work, this.delayMs)
    else work()
  }

  #pass(direction: Direction, chunk: Buffer, to: Socket): void {
    if (this.#state !== 'working') return
    const fault = this.#fault?.direction === direction ? this.#fault : undefined
    const passing = chunk.subarray(0, fault && fault.afterBytes - this.passed[direction])
    this.passed[direction] += passing.length
    if (to.writable) to.write(passing)
    if (this.passed[direction] !== fault?.afterBytes) return
    this.#fault = undefined
    this.fail(fault.kind)
    if (fault.isOnce) this.#state = 'working'
  }

  #closeAll(kind: Fault['kind']): void {
    for (const socket of this.#sockets) close(socket, kind)
  }
}

/** What was written to it before still arrives. */
function close(socket: Socket, kind: Fault['kind']): void {
  if (kind === 'reset') socket.writable ? socket.write('', () => socket.resetAndDestroy()) : socket.destroy()
  else socket.end()
}
