import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process'
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import { join } from 'node:path'
import type { Certificate } from './certificate.ts'

/** What the server does instead of letting git answer. */
export type Answer =
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
  /** Nothing: the connection stays open. */
  | 'silence'

export interface GitServerOptions {
  /** Each bare repository in it is served as `/<name>`. */
  readonly folder: string
  /** For https; without it the server speaks plain http. */
  readonly certificate?: Certificate
  /** Such as `ada:secret`: who does not say it is asked for it with 401. */
  readonly credentials?: string
  readonly host?: string
}

/** A request that came, and how far git's answer got. */
export interface Served {
  readonly method: string
  readonly path: string
  /** Decoded, such as `ada:secret`. */
  readonly credentials: string | undefined
}

const GIT_PROGRAMS = execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim()
const RECEIVE_PACK = {
  GIT_CONFIG_COUNT: '1',
  GIT_CONFIG_KEY_0: 'http.receivePack',
  GIT_CONFIG_VALUE_0: 'true',
}

/** A git host: Node's own server in front of `git http-backend`, as hosts run it. */
export class GitServer implements AsyncDisposable {
  readonly served: Served[] = []
  /** Decides on each request; undefined lets git answer. */
  answer: (request: Served) => Answer | undefined = () => undefined
  /** The same, but git does what it was asked before. */
  answerAfterwards: (request: Served) => Answer | undefined = () => undefined
  readonly options: GitServerOptions
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #backends = new Set<ChildProcessWithoutNullStreams>()

  static async start(options: GitServerOptions): Promise<GitServer> {
    const server = new GitServer(options)
    await new Promise<void>((resolve) => server.#server.listen(0, options.host ?? '127.0.0.1', resolve))
    return server
  }

  private constructor(options: GitServerOptions) {
    this.options = options
    const { certificate } = options
    const handle = (request: IncomingMessage, response: ServerResponse) => this.#handle(request, response)
    this.#server =
      certificate === undefined ? createPlainServer(handle) : createServer({ ...certificate }, handle)
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Address of a repository, at the server's own port or at that of a proxy before it. */
  address(repository: string, port = this.port): string {
    const scheme = this.options.certificate === undefined ? 'http' : 'https'
    return `${scheme}://${this.options.host ?? '127.0.0.1'}:${port}/${repository}`
  }

  /** Resolves when no git is at work here any more. */
  async idle(): Promise<void> {
    while (this.#backends.size > 0) {
      await Promise.all(
        [...this.#backends].map((backend) => new Promise((resolve) => backend.once('close', resolve))),
      )
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
    await this.idle()
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const [, encoded] = request.headers.authorization?.split(' ') ?? []
    const credentials = encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString()
    const served = { method: request.method ?? '', path: request.url ?? '/', credentials }
    this.served.push(served)
    // A client whose connection is cut goes away at any time.
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    const answer = this.answer(served)
    if (answer !== undefined) give(response, answer)
    else if (credentials !== this.options.credentials) {
      response.setHeader('WWW-Authenticate', 'Basic realm="logs"')
      give(response, { status: 401 })
    } else this.#run(request, response, this.answerAfterwards(served))
  }

  /** CGI: the request goes in, headers and the answer come out. */
  #run(request: IncomingMessage, response: ServerResponse, instead: Answer | undefined): void {
    const { pathname, search } = new URL(request.url ?? '/', 'http://localhost')
    const backend = spawn(join(GIT_PROGRAMS, 'git-http-backend'), {
      env: {
        ...RECEIVE_PACK,
        PATH: process.env.PATH,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_PROJECT_ROOT: this.options.folder,
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: pathname,
        QUERY_STRING: search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers['content-type'],
        CONTENT_LENGTH: request.headers['content-length'],
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
        GIT_PROTOCOL: request.headers['git-protocol'] as string | undefined,
        REMOTE_USER: 'ada',
      },
    })
    this.#backends.add(backend)
    backend.once('close', () => this.#backends.delete(backend))
    backend.stdin.on('error', () => undefined)
    backend.stderr.resume()
    request.pipe(backend.stdin)
    // As web servers do when a request breaks off: by itself http-backend would wait for the rest, busily and for ever.
    request.once('close', () => request.complete || backend.kill())
    if (instead === undefined) passOn(backend, response)
    else backend.once('close', () => give(response, instead)).stdout.resume()
  }
}

/** CGI's headers and body, as HTTP has them. */
function passOn(backend: ChildProcessWithoutNullStreams, response: ServerResponse): void {
  let head = Buffer.alloc(0)
  const onData = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk])
    const headEnd = head.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    backend.stdout.off('data', onData)
    const headers = head.toString('latin1', 0, headEnd).split('\r\n')
    for (const header of headers) {
      const [name = '', value = ''] = header.split(/: */, 2)
      if (name === 'Status') response.statusCode = Number.parseInt(value, 10)
      else response.setHeader(name, value)
    }
    response.write(head.subarray(headEnd + 4))
    if (response.closed) backend.stdout.resume()
    else backend.stdout.pipe(response)
  }
  backend.stdout.on('data', onData)
  // Nobody is there to answer any more: git does to its end what it was asked.
  response.once('close', () => backend.stdout.unpipe(response).resume())
  backend.once('close', () => {
    // Git ended before it said anything.
    if (!response.headersSent) give(response, { status: 500 })
    else response.end()
  })
}

function give(response: ServerResponse, answer: Answer): void {
  if (answer === 'silence') return
  response.writeHead(answer.status, answer.headers).end(answer.body)
}
