// A whole Bluesky on loopback, of the real servers: PLC directory, PDS, AppView with its Postgres.
//
// node --import loopback.mjs network.mjs MODULES FOLDER POSTGRES_PROGRAMS [UID GID]
//
// Prints its addresses as one line of JSON and ends when stdin does, with everything it started.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const [modules, folder, programs, uid, gid] = process.argv.slice(2)
const owner = uid === undefined ? {} : { uid: Number(uid), gid: Number(gid) } // Postgres refuses root

process.env.TMPDIR = path.join(folder, 'pds') // where dev-env leaves repositories and blobs
process.env.REDIS_HOST = '127.0.0.1:1' // dev-env asks for one, and this AppView never uses it
process.stdin.resume()
const end = once(process.stdin, 'end')

startPostgres()
const resolve = createRequire(path.join(modules, 'package.json')).resolve
const { TestNetwork } = await import(pathToFileURL(resolve('@atproto/dev-env')))
const network = await TestNetwork.create({
  dbPostgresUrl: `postgresql:///postgres?host=${encodeURIComponent(path.join(folder, 'socket'))}&user=peers`,
  dbPostgresSchema: 'chat',
  pds: { enableDidDocWithSession: true }, // as Bluesky's own servers do
})
// A quiet PDS looks for news once a second; one that is as busy as Bluesky's does so all the time.
network.pds.ctx.sequencer.exponentialBackoff = () => sleep(5)
const address = ({ port }) => `http://127.0.0.1:${port}`
console.log(JSON.stringify({ pds: address(network.pds), appview: address(network.bsky) }))

await end
process.exit(0)

function startPostgres() {
  const data = path.join(folder, 'postgres')
  const run = { ...owner, cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] }
  const how = ['--auth', 'trust', '--username', 'peers', '--encoding', 'UTF8', '--locale', 'C', '--no-sync']
  execFileSync(path.join(programs, 'initdb'), ['--pgdata', data, ...how], run)
  const forget = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=100']
  const settings = ['listen_addresses=', `unix_socket_directories=${path.join(folder, 'socket')}`, ...forget]
  const options = settings.flatMap((setting) => ['-c', setting])
  const server = spawn(path.join(programs, 'postgres'), ['-D', data, ...options], run)
  process.on('exit', () => server.kill('SIGQUIT')) // its data goes too, so nobody waits for it
}
