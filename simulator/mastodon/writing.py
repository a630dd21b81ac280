"""The part of the REST API that changes something."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import BodyPartReader, web

from simulator.mastodon import markup, wire
from simulator.mastodon.media import MOST, Attachment, sniffed
from simulator.mastodon.wire import Status

if TYPE_CHECKING:
    from simulator.mastodon.server import Server

MEGABYTE = 1024 * 1024
COMMENT = 1_000  # characters of a report
GONE = "Record not found"
NO_THREAD = "The post you are trying to reply to does not appear to exist."


def refusal(status: int, error: str, **extra: str) -> web.Response:
    """Mastodon's error body."""
    return web.json_response({"error": error}, status=status, headers=extra)


class Refusal(Exception):
    """The request ends here."""

    def __init__(self, error: str, status: int = 422) -> None:
        self.answer = refusal(status, error)
        super().__init__(error)


class Writing:
    """What the bridge's account may do."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def routes(self) -> list[web.RouteDef]:
        """All of it."""
        return [
            web.post("/api/v1/statuses", self.publish),
            web.put("/api/v1/statuses/{id}", self.edit),
            web.delete("/api/v1/statuses/{id}", self.delete),
            web.post("/api/v1/statuses/{id}/{act:favourite|unfavourite|reblog|unreblog}", self.endorse),
            web.post("/api/v1/reports{tail:/?}", self.report),
            web.post("/api/v2/media", self.upload),
            web.get("/api/v1/media/{id}", self.uploaded),
        ]

    # ------------------------------------------------------------ statuses

    async def publish(self, request: web.Request) -> web.Response:
        """Make a status, once for each Idempotency-Key within the hour."""
        server, now = self._server, self._server.clock.now()
        key = request.headers.get("Idempotency-Key")
        fields = await _fields(request)
        parent = fields.get("in_reply_to_id")
        if parent and (parent not in server.statuses or not server.visible(server.statuses[parent])):
            return refusal(404, NO_THREAD)  # before the key is looked at
        if key and key in server.keys and now < server.keys[key][0] + server.key_lasts:
            known = server.statuses[server.keys[key][1]]
            if not known.deleted:
                return self._answer(known)
        try:
            text, spoiler, media = self._content(fields, None)
        except Refusal as no:
            return no.answer
        status = Status(
            id=server.new_id(now),
            account=server.me,
            text=text,
            created=now,
            visibility=fields.get("visibility", "public"),
            base=server.base,
            parent=parent or None,
            spoiler=spoiler,
            language=fields.get("language", "en"),
            sensitive=_true(fields),
            media=media,
            application="chatbridge",
        )
        server.take(status)
        if key:
            server.keys[key] = (now, status.id)
        return self._answer(status)

    async def edit(self, request: web.Request) -> web.Response:
        """Change a status of the bridge. Media and a warning that are left out go."""
        server, status = self._server, self._own(request)
        if status is None:
            return refusal(404, GONE)
        fields = await _fields(request)
        try:
            text, spoiler, media = self._content(fields, status)
        except Refusal as no:
            return no.answer
        sensitive = _true(fields) or bool(spoiler)
        server.change(status, text, spoiler=spoiler, media=media, sensitive=sensitive)
        return self._answer(status)

    async def delete(self, request: web.Request) -> web.Response:
        """Take a status of the bridge away."""
        status = self._own(request)
        if status is None:
            return refusal(404, GONE)
        gone = self._server.json(status) | {"text": status.text}
        self._server.remove(status)
        return web.json_response(gone)

    async def endorse(self, request: web.Request) -> web.Response:
        """Like or boost what one may see, or no longer do so. Only what anybody may read is boosted."""
        server, act = self._server, request.match_info["act"]
        status = server.statuses.get(request.match_info["id"])
        if status is None or not server.visible(status):
            return refusal(404, GONE)
        if act.endswith("favourite"):
            server.favourite(status, on=act == "favourite")
        elif act == "unreblog":
            server.unboost(status)
        elif not status.open:
            return refusal(403, "This action is not allowed")
        else:
            return self._answer(server.boost(status))
        return self._answer(status)

    async def report(self, request: web.Request) -> web.Response:
        """Tell the moderators of statuses of one account. Each call makes a report."""
        server, fields = self._server, await _fields(request)
        account = server.accounts.get(fields.get("account_id", ""))
        if account is None:
            return refusal(404, GONE)
        ids = [str(i) for i in fields.get("status_ids") or ()]
        if any(i not in server.statuses or server.statuses[i].account is not account for i in ids):
            return refusal(404, GONE)
        comment = fields.get("comment") or ""
        if len(comment) > COMMENT:
            return refusal(422, f"Validation failed: Comment is too long (maximum is {COMMENT} characters)")
        report = {
            "id": str(len(server.reports) + 1),
            "action_taken": False,
            "action_taken_at": None,
            "category": fields.get("category") or "other",
            "comment": comment,
            "forwarded": str(fields.get("forward", "")).casefold() in ("true", "1"),
            "created_at": wire.iso(server.clock.now()),
            "status_ids": ids,
            "rule_ids": None,
            "target_account": wire.account_json(account),
        }
        server.reports.append(report)
        return web.json_response(report)

    # ------------------------------------------------------------ media

    async def upload(self, request: web.Request) -> web.Response:
        """Keep a picture: 202 and no address while it is being processed."""
        server = self._server
        body, description = b"", None
        reader = await request.multipart()
        while isinstance(part := await reader.next(), BodyPartReader):
            read = bytes(await part.read())
            if part.name == "file":
                body = read
            elif part.name == "description":
                description = read.decode()
        if not body:
            return refusal(422, "Validation failed: File can't be blank")
        if sniffed(body) is None:
            return refusal(422, "Validation failed: File content type is invalid, File is invalid")
        if len(body) >= server.image_limit:
            least = f"must be less than {server.image_limit // MEGABYTE} MB"
            return refusal(422, f"Validation failed: File file size {least}, File {least}")
        now = server.clock.now()
        made = server.attach(body, description, now + server.processing)
        return web.json_response(made.json(now), status=202 if server.processing else 200)

    async def uploaded(self, request: web.Request) -> web.Response:
        """What became of an upload that no status has yet."""
        found, now = self._server.media.get(request.match_info["id"]), self._server.clock.now()
        if found is None or found.status is not None:
            return refusal(404, GONE)
        return web.json_response(found.json(now), status=206 if now < found.ready else 200)

    def _attached(self, ids: list[str], status: Status | None) -> list[Attachment]:
        """The uploads of these ids, if they may be attached (to `status`, if it exists already)."""
        server = self._server
        if len(ids) > MOST:
            raise Refusal(f"Cannot attach more than {MOST} files")
        free = {a.id: a for a in server.media.values() if a.status is None or a.status is status}
        if missing := [i for i in ids if i not in free]:
            raise Refusal(f"Media {', '.join(missing)} not found or already attached to another post")
        found = [free[i] for i in ids]
        if any(server.clock.now() < a.ready for a in found):
            raise Refusal("Cannot attach files that have not finished processing. Try again in a moment!")
        return found

    # ------------------------------------------------------------ helpers

    def _content(self, fields: dict[str, Any], status: Status | None) -> tuple[str, str, list[Attachment]]:
        """Words, warning and media of a request. Raises Refusal for what Mastodon does not take."""
        text, spoiler = fields.get("status", ""), fields.get("spoiler_text", "")
        media = self._attached(fields.get("media_ids[]", []), status)
        if not text.strip() and not media:
            raise Refusal("Validation failed: Text can't be blank")
        if markup.length(text, spoiler) > wire.MAX_CHARACTERS:
            raise Refusal(f"Validation failed: Text character limit of {wire.MAX_CHARACTERS} exceeded")
        return text, spoiler, media

    def _own(self, request: web.Request) -> Status | None:
        server, status = self._server, self._server.statuses.get(request.match_info["id"])
        return (
            status if status is not None and server.visible(status) and status.account is server.me else None
        )

    def _answer(self, status: Status) -> web.Response:
        return web.json_response(self._server.json(status))


def _true(fields: dict[str, Any]) -> bool:
    return str(fields.get("sensitive", "")).lower() in ("true", "1")


async def _fields(request: web.Request) -> dict[str, Any]:
    """The form or JSON body; `media_ids[]` and `status_ids` as lists."""
    if request.content_type == "application/json":
        body = json.loads(await request.text())
        return {("media_ids[]" if k == "media_ids" else k): v for k, v in body.items() if v is not None}
    form = await request.post()
    fields: dict[str, Any] = {k: str(v) for k, v in form.items()}
    fields["media_ids[]"] = [str(v) for v in form.getall("media_ids[]", [])]
    fields["status_ids"] = [str(v) for v in form.getall("status_ids[]", [])]
    return fields
