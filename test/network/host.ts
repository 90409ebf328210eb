// A process that is a git host, in a network namespace of its own: says its port, then each request that comes.
import { GitServer, type GitServerOptions } from './git-server.ts'

const options: GitServerOptions = JSON.parse(process.argv[2] ?? '')
const server = await GitServer.start(options)
console.log(JSON.stringify({ port: server.port }))
server.answer = ({ method, path }) => {
  console.log(JSON.stringify({ method, path }))
  return
}
