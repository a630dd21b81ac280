"""The Web API: the methods the bridge uses, answered and refused as Slack does."""

from __future__ import annotations

import json
from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from aiohttp import web

from simulator.slack.budgets import Budgets
from simulator.slack.marks import Marks
from simulator.slack.rules import Refusal
from simulator.slack.wire import (
    BOT,
    BOT_NAME,
    BOT_USER,
    CHAT,
    HOSTS,
    SECOND,
    SITE,
    TEAM,
    Message,
    Table,
)

if TYPE_CHECKING:
    from simulator.slack.server import Server

WRITES = {"chat.postMessage", "chat.update", "chat.delete"}
SCOPES = {
    **dict.fromkeys([*WRITES, "chat.postEphemeral"], "chat:write"),
    "users.info": "users:read",
    "conversations.info": "channels:read",
    "conversations.join": "channels:join",
    "users.conversations": "im:read",
    "reactions.get": "reactions:read",
    "pins.add": "pins:write",
    "pins.remove": "pins:write",
    "usergroups.users.list": "usergroups:read",
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
    "files.info": "files:read",
}
UNUSED = {  # by the bridge: here to be compared with what others wrote
    "conversations.open": "im:write",
    "pins.list": "pins:read",
    "reactions.add": "reactions:write",
    "reactions.remove": "reactions:write",
}
FORMS = {"files.getUploadURLExternal"}  # sees no arguments in JSON (reported from live workspaces)
RETRY_AFTER = 3  # seconds, when the fault `rate_limited` strikes
SLOW = 45.0  # seconds of chat time the fault `slow` takes


class Api:
    """Answers `/api/METHOD`, whether asked by query, form or JSON."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.budgets = Budgets()
        self.marks = marks = Marks(server)
        self.calls: list[tuple[str, Table]] = []
        self._methods: dict[str, Callable[[Table], Table]] = {
            "auth.test": self._auth_test,
            "apps.connections.open": lambda _: server.hub.open(),
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "chat.postEphemeral": self._ephemeral,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "conversations.info": self._info,
            "conversations.join": self._join,
            "users.info": self._user,
            "users.conversations": self._directs,
            "files.getUploadURLExternal": server.files.url,
            "files.completeUploadExternal": server.files.complete,
            "files.info": server.files.info,
            "views.open": server.views.open,
            "views.push": server.views.push,
            "views.update": server.views.update,
            "views.publish": server.views.publish,
            "conversations.open": self._open,
            "reactions.add": marks.react,
            "reactions.remove": marks.unreact,
            "reactions.get": marks.reactions,
            "pins.add": marks.pin,
            "pins.remove": marks.unpin,
            "pins.list": marks.listed,
            "usergroups.users.list": self._group,
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One call."""
        server, method = self.server, request.match_info["method"]
        if server.down():
            return web.Response(status=503, text="upstream connect error")
        arguments = await _arguments(request, json_too=method not in FORMS)
        self.calls.append((method, arguments))
        hit = server.faults.hit
        writes = method in WRITES
        try:
            self._permit(request, method, arguments)
            wait = self.budgets.spend(method, str(arguments.get("channel")), server.clock.now())
            if wait or (writes and hit(server.network, "rate_limited")):
                body = {"ok": False, "error": "ratelimited"}
                return self._json(body, status=429, headers={"Retry-After": str(wait or RETRY_AFTER)})
            if writes and hit(server.network, "server_error"):
                return self._json({"ok": False, "error": "internal_error"}, status=500)
            body = self._methods[method](arguments)
        except KeyError as missing:
            body = {
                "ok": False,
                "error": "unknown_method" if method not in self._methods else "invalid_arguments",
            }
            body["response_metadata"] = {"messages": [f"[ERROR] missing required field: {missing}"]}
        except Refusal as refusal:
            body = refusal.body
        if writes and body["ok"] and hit(server.network, "answer_lost"):
            assert request.transport is not None
            request.transport.abort()
        if hit(server.network, "slow"):
            await server.clock.sleep(SLOW)
        return self._json(body)

    def _json(self, body: Table, **how: Any) -> web.Response:
        headers = {
            "Date": formatdate(self.server.clock.now() / SECOND, usegmt=True),
            "x-oauth-scopes": ",".join(self.server.scopes),
            **how.pop("headers", {}),
        }
        return web.json_response(body, headers=headers, **how)

    def _permit(self, request: web.Request, method: str, arguments: Table) -> None:
        """Raises Refusal for a token that is missing, wrong, revoked, or lacks the method's scope."""
        server = self.server
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or arguments.get("token", "")
        if not token:
            raise Refusal("not_authed")
        if token not in {server.bot_token, server.app_token}:
            raise Refusal("invalid_auth")
        if server.revoked():
            raise Refusal("token_revoked")
        if (token == server.app_token) != (method == "apps.connections.open"):
            raise Refusal("not_allowed_token_type")
        needed = self._needed(method, arguments)
        for scope in needed:
            if scope not in server.scopes:
                raise Refusal("missing_scope", needed=scope, provided=",".join(server.scopes))

    def _needed(self, method: str, arguments: Table) -> list[str]:
        channel = str(arguments.get("channel", ""))
        if method in {"conversations.history", "conversations.replies"}:
            return ["im:history" if channel.startswith("D") else "channels:history"]
        scope = SCOPES.get(method) or UNUSED.get(method)
        needed = [] if scope is None else [scope]
        borrowed = method == "chat.postMessage" and ("username" in arguments or "icon_url" in arguments)
        return [*needed, "chat:write.customize"] if borrowed else needed

    # ------------------------------------------------------------ who and where

    def _auth_test(self, _: Table) -> Table:
        return {
            "ok": True,
            "url": SITE,
            "team": "Tea Shop",
            "user": BOT_NAME,
            "team_id": TEAM,
            "user_id": BOT_USER,
            "bot_id": BOT,
            "is_enterprise_install": False,
        }

    def _info(self, arguments: Table) -> Table:
        channel = arguments["channel"]
        if channel not in {CHAT, HOSTS}:
            raise Refusal("channel_not_found")
        names = {CHAT: "chat", HOSTS: "hosts"}
        about = {"id": channel, "name": names[channel], "is_channel": True, "is_private": False}
        return {
            "ok": True,
            "channel": {**about, "is_archived": False, "is_member": channel in self.server.joined},
        }

    def _join(self, arguments: Table) -> Table:
        body = self._info(arguments)
        self.server.joined.add(arguments["channel"])
        return body

    def _user(self, arguments: Table) -> Table:
        member = self.server.members.get(arguments["user"])
        if member is None:
            raise Refusal("user_not_found")
        return {"ok": True, "user": member.json()}

    def _open(self, arguments: Table) -> Table:
        """conversations.open, with one user."""
        users = arguments.get("users") or ()
        asked = users.split(",") if isinstance(users, str) else list(users)
        if not asked:
            raise Refusal("users_list_not_supplied")
        if len(asked) > 1:
            raise Refusal("missing_scope", needed="mpim:write", provided=",".join(self.server.scopes))
        member = self.server.members.get(asked[0])
        if member is None:
            raise Refusal("user_not_found")
        if member.bot:
            raise Refusal("cannot_dm_bot")
        if member.deleted:
            raise Refusal("user_disabled")
        known = {"no_op": True, "already_open": True} if member.id in self.server.directs else {}
        return {"ok": True, **known, "channel": {"id": self.server.direct(member.id)}}

    def _group(self, arguments: Table) -> Table:
        users = self.server.members_of(arguments["usergroup"])
        if users is None:
            raise Refusal("no_such_subteam")
        return {"ok": True, "users": users}

    # ------------------------------------------------------------ writing

    def _post(self, arguments: Table) -> Table:
        channel = self._writable(arguments["channel"])
        thread = arguments.get("thread_ts")
        root = self.server.messages.get((channel, str(thread)))
        if thread is not None and (root is None or (root.deleted and not root.stump)):
            arguments = arguments | {
                "thread_ts": None
            }  # it stands in the channel (reported from live workspaces)
        message = self.server.post(channel, arguments)
        return {"ok": True, "channel": channel, "ts": message.ts, "message": message.json()}

    def _update(self, arguments: Table) -> Table:
        message = self._own(arguments, "cant_update_message")
        text = self.server.rewrite(message, arguments)
        return {"ok": True, "channel": message.channel, "ts": message.ts, "text": text}

    def _delete(self, arguments: Table) -> Table:
        message = self._own(arguments, "cant_delete_message")
        self.server.remove(message)
        return {"ok": True, "channel": message.channel, "ts": message.ts}

    def _ephemeral(self, arguments: Table) -> Table:
        channel = self._writable(arguments["channel"])
        if arguments["user"] not in self.server.members:
            raise Refusal("user_not_in_channel")
        return {"ok": True, "message_ts": self.server.whisper(channel, arguments["user"], arguments)}

    def _own(self, arguments: Table, foreign: str) -> Message:
        message = self.server.live(self.readable(arguments["channel"]), arguments["ts"])
        if message is None:
            raise Refusal("message_not_found")
        if not message.ours:
            raise Refusal(foreign)
        return message

    def _writable(self, channel: str) -> str:
        if channel in self.server.members:
            return self.server.direct(channel)
        return self.readable(channel)

    def readable(self, channel: str) -> str:
        """A conversation the app is in. Raises Refusal."""
        if channel not in {CHAT, HOSTS} and channel not in self.server.directs.values():
            raise Refusal("channel_not_found")
        if not channel.startswith("D") and channel not in self.server.joined:
            raise Refusal("not_in_channel")
        return channel

    # ------------------------------------------------------------ reading

    def _directs(self, arguments: Table) -> Table:
        """The direct conversations of the app; of other kinds nobody has asked yet."""
        if arguments.get("types") != "im":
            raise Refusal("invalid_types")
        found = [{"id": id_, "user": user, "is_im": True} for user, id_ in self.server.directs.items()]
        return {"ok": True, "channels": found, "response_metadata": {"next_cursor": ""}}

    def _history(self, arguments: Table) -> Table:
        """What stands in the channel itself, newest first."""
        channel = self.readable(arguments["channel"])
        shown = [m for m in self.server.channel(channel) if m.thread is None and (not m.deleted or m.stump)]
        return self._page(_within(shown, arguments)[::-1], arguments, 100)

    def _replies(self, arguments: Table) -> Table:
        """A message and its replies, oldest first; of a reply's ts, that reply alone."""
        channel, ts = self.readable(arguments["channel"]), str(arguments["ts"])
        head = self.server.messages.get((channel, ts))
        if head is None or (head.deleted and not head.stump):
            raise Refusal("thread_not_found")
        replies = [self.server.messages[channel, reply] for reply in head.replies]
        return self._page([head, *_within(replies, arguments)], arguments, 1000)

    def _page(self, messages: list[Message], arguments: Table, default: int) -> Table:
        limit = min(int(arguments.get("limit", default)), 999)
        cursor = str(arguments.get("cursor", ""))
        at = next((n for n, m in enumerate(messages) if f"next_ts:{m.ts}" == cursor), 0) if cursor else 0
        page, rest = messages[at : at + limit], messages[at + limit :]
        metadata = _true(arguments.get("include_all_metadata"))
        body: Table = {
            "ok": True,
            "messages": [m.json(metadata=metadata) for m in page],
            "has_more": bool(rest),
        }
        if rest:
            body["response_metadata"] = {"next_cursor": f"next_ts:{rest[0].ts}"}
        return body


def _within(messages: list[Message], arguments: Table) -> list[Message]:
    oldest, latest = str(arguments.get("oldest") or "0"), str(arguments.get("latest") or "9999999999.0")
    inclusive = _true(arguments.get("inclusive"))
    low, high = _micros(oldest) - inclusive, _micros(latest) + inclusive
    return [m for m in messages if low < _micros(m.ts) < high]


def _micros(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * SECOND + int(fraction.ljust(6, "0") or 0)


def _true(value: object) -> bool:
    return str(value).casefold() in {"1", "true"}


async def _arguments(request: web.Request, *, json_too: bool) -> Table:
    """From wherever they stand; in a form, structures are JSON."""
    found: Table = dict(request.query)
    if request.content_type == "application/json":
        found.update(await request.json() if json_too else {})
        return found
    for key, value in (await request.post()).items():
        found[key] = value
    for key in {"blocks", "attachments", "metadata", "view"} & found.keys():
        if isinstance(found[key], str):
            found[key] = json.loads(found[key])
    return found
