// npm's emulate as a Slack workspace whose clock is the chat's.
//
// node slack_server.mjs MODULES MANIFEST
//
// Takes one JSON object a line, {"open": {…}}, {"join": {…}} or {"leave": {…}}, and answers each with one; ends
// when stdin does. The app has the scopes and the events of the manifest, and no others.
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import readline from 'node:readline'
import { pathToFileURL } from 'node:url'

const [modules, manifestFile] = process.argv.slice(2)
const dist = path.join(modules, 'node_modules', 'emulate', 'dist')
const load = (file) => import(pathToFileURL(path.join(dist, file)))
const { createEmulator } = await load('api.js')
// The module its `slack` service is in: its name is a checksum, and the package does not export it.
const slackFile = readdirSync(dist).find(
  (file) => /^dist-\w+\.js$/.test(file) && readFileSync(path.join(dist, file), 'utf8').includes('slackPlugin'),
)
const { getSlackStore, seedFromConfig, slackPlugin } = await load(slackFile)

const { parse } = createRequire(path.join(modules, 'package.json'))('yaml')
const manifest = parse(readFileSync(manifestFile, 'utf8'))
const scopes = manifest.oauth_config.scopes.bot
const events = manifest.settings.event_subscriptions.bot_events.map((name) => name.split('.')[0])

let clock = { real: process.hrtime.bigint(), chat: Date.now() * 1000, speed: 1 } // ns, µs, chat seconds a second
Date.now = () =>
  Math.floor((clock.chat + (Number(process.hrtime.bigint() - clock.real) / 1000) * clock.speed) / 1000)

// It posts events to whoever is registered, and has no way to register: so that is done here.
let hook, store
const { register } = slackPlugin
slackPlugin.register = (app, kept, webhooks, ...more) => {
  register.call(slackPlugin, app, kept, webhooks, ...more)
  webhooks.register({ url: hook, events, active: true, owner: 'slack' })
  store = kept
}

const secret = (kind) => `${kind}-${randomBytes(16).toString('hex')}`
let emulator

const commands = {
  // An empty workspace with the app in it: {hook, signing, clock: {real, chat, speed}}.
  async open(asked) {
    await emulator?.close()
    hook = asked.hook
    clock = { ...asked.clock, real: BigInt(asked.clock.real) }
    const app = { app_id: 'A0BRIDGE', bot_id: 'B0BRIDGE', bot_user_id: 'U0BRIDGE' }
    const token = secret('xoxb')
    const slack = {
      team: { name: 'Tea Shop', domain: 'teashop' },
      signing_secret: asked.signing,
      strict_scopes: true,
      channels: [{ name: 'chat' }, { name: 'hosts' }],
      oauth_apps: [{ ...app, client_id: '1.1', name: 'Chatbridge', bot_name: 'chatbridge', scopes }],
      tokens: [{ ...app, token, type: 'bot', user: app.bot_user_id, scopes }],
    }
    emulator = await createEmulator({ service: 'slack', port: 0, seed: { slack } })
    const { channels, teams, users } = getSlackStore(store)
    // Any unknown token is its administrator's; without one auth.test refuses them, as Slack does.
    users.delete(users.all().find((user) => user.is_admin).id)
    const ids = Object.fromEntries(channels.all().map((channel) => [channel.name, channel.channel_id]))
    const { team_id: team, domain } = teams.all()[0]
    return { url: emulator.url, team, site: `https://${domain}.slack.com/`, token, ...app, channels: ids }
  },

  // A member, who has no way in but the seed: {name, real_name, title, bot}.
  join({ name, real_name, title, bot }) {
    const token = secret('xoxp')
    const profile = { display_name: real_name, title }
    const seed = { users: [{ name, real_name, profile }], tokens: [{ token, type: 'user', user: name }] }
    seedFromConfig(store, emulator.url, seed)
    const { users } = getSlackStore(store)
    const user = users.all().find((one) => one.name === name)
    users.update(user.id, { is_bot: bot })
    return { user: user.user_id, token }
  },

  // Deactivates a member, which no method does: {user}.
  leave({ user }) {
    const { users } = getSlackStore(store)
    users.update(users.findOneBy('user_id', user).id, { deleted: true })
    return {}
  },
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const [[name, asked]] = Object.entries(JSON.parse(line))
  console.log(JSON.stringify(await commands[name](asked)))
}
process.exit(0)
