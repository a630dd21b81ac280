// Preloaded with --import: whatever this process serves, it serves on 127.0.0.1 alone. Bluesky's servers bind
// every interface, and have no option for it.
import net from 'node:net'

const { listen } = net.Server.prototype

net.Server.prototype.listen = function (...args) {
  const [where] = args
  const callback = args.find((arg) => typeof arg === 'function')
  if (typeof where === 'object' && where !== null && !where.path) {
    return listen.call(this, { ...where, host: '127.0.0.1' }, callback)
  }
  if (typeof where !== 'object' && !(typeof where === 'string' && Number.isNaN(Number(where)))) {
    const port = typeof where === 'function' || where === undefined ? 0 : Number(where)
    return listen.call(this, { port, host: '127.0.0.1' }, callback)
  }
  return listen.apply(this, args)
}
