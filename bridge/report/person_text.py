"""One person's own record as a file: Markdown for them to read, JSON for their data to be handed over."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from bridge import when
from bridge.model import Micros
from bridge.report import layout
from bridge.report.person import Act, Record, Wrote
from bridge.report.transcript import plain, quoted

REACH = {
    "public": "publicly",
    "quiet": "publicly, out of public timelines",
    "limited": "not publicly",
    "direct": "in a message",
    "room": "in the channel",
}
CONSENT = {
    "name": "they may stand on the page, with your name",
    "first": "they may stand on the page, with your first name",
    "no": "they stay there",
}
ELSEWHERE = """\
- your other accounts: each has a record of its own
- what you wrote on your own networks, which is there and yours
- words of other people that mention or quote you
- what could not be read and was set aside, which cannot be searched for people
- transcripts that were written before, backups and logs, which are files of whoever runs the bridge"""


# ---------------------------------------------------------------- Markdown


def markdown(record: Record) -> str:
    """For the person themselves. Words are shown as words, whatever stands in them."""
    blocks = [
        f"# What {plain(record.community)} holds of {plain(record.author.handle)}",
        f"Read from its records on {when.moment(record.at, record.zone)}. All times are {when.place(record.zone)}.",
        "## About you",
        "\n".join(f"- {line}" for line in _about(record)),
        f"## What you wrote: {len(record.wrote)}",
        *(block for post in record.wrote for block in _post(post, record.zone)),
        f"## What you asked of us, or did with our controls: {len(record.acts)}",
        "\n".join(f"- {_act(act, record.zone)}" for act in record.acts),
        "## What is not in this record",
        ELSEWHERE,
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _about(record: Record) -> list[str]:
    author, someone = record.author, record.person
    asks = [w for w, on in (("#nobridge", someone.wishes.nobridge), ("#nobot", someone.wishes.nobot)) if on]
    lines = [f"Account: {plain(author.account)}"]
    for label, words in (("Name", author.name), ("First took part in", record.first)):
        lines += [f"{label}: {plain(words)}"] if words else []
    addresses = [("Profile", author.url), ("Its picture", author.avatar)]
    addresses += [("Linked in your profile", link) for link in someone.wishes.links]
    lines += [f"{label}: <{url}>" for label, url in addresses if layout.address(url)]
    lines += [f"Your profile asks: {' and '.join(asks)}"] if asks else []
    if someone.forgotten:
        lines.append(
            "You were forgotten: your words and name were taken out. The account is kept, to keep you out."
        )
    elif someone.stopped is not None:
        lines.append(f"What you told us last: {'stop' if someone.stopped else 'start'}")
    stays = "stay where you write them" if someone.opted_out else "are shown with the chat if they are public"
    lines.append(f"Your words {stays}")
    if someone.consent:
        lines.append(f"Your answers in the channel: {CONSENT[someone.consent]}")
    for what, at in (
        ("We asked you about the page last", someone.asked),
        ("We offered to send a reply of yours last", someone.offered),
        ("Your account was found deleted", someone.gone),
    ):
        lines += [f"{what}: {when.moment(at, record.zone)}"] if at else []
    if someone.blocked:
        lines.append("A host blocked you: what you write is seen by hosts only")
    return lines


def _post(post: Wrote, zone: str) -> list[str]:
    facts = [
        plain(post.network),
        REACH[post.reach],
        when.moment(post.at, zone),
        *([f"replies to {_where(post.reply_to)}"] if post.reply_to else []),
        *([f"quotes {_where(post.quotes)}"] if post.quotes else []),
        *(["edited"] if post.edited else []),
        _where(post.address),
    ]
    lines = [
        *_state(post, zone),
        *(f"{plain(c.where)}: {c.what} {_where(c.place)}".strip() for c in post.copies),
    ]
    lines += [f"{plain(what)} by us" for what in post.ours]
    lines += [f"Before an edit: {plain(words)}" for words in post.earlier]
    lines += [f"{layout.KINDS[m.kind]}: {_where(m.url)} {plain(m.alt)}".strip() for m in post.media]
    return [
        f"### {plain(' · '.join(filter(None, (post.heading, post.chat))) or 'A post')}",
        " · ".join(facts),
        f"Content warning: {plain(post.warning)}" if post.warning else "",
        quoted(post.text) if post.text is not None else "*No words kept.*",
        "\n".join(f"- {line}" for line in lines),
    ]


def _state(post: Wrote, zone: str) -> list[str]:
    found = []
    if post.bridge:
        found.append(f"A copy that a bridge made, as {plain(post.bridge)}, of {_where(post.original)}")
    if post.removed:
        left = "no words kept" if post.text is None else "its words stay in our records until they expire"
        found.append(f"Removed {when.moment(post.removed, zone)}; {left}")
    if post.erased:
        found.append("Its words were erased from our records")
    elif post.withheld:
        found.append("It stays where you wrote it")
    if post.hidden:
        found.append("Taken off by a host: only hosts see it")
    if post.held:
        found.append("Waits for a host, and is not shown before")
    return found


def _act(act: Act, zone: str) -> str:
    return f"{when.moment(act.at, zone)}, {plain(act.network)}: {plain(act.said)}"


def _where(place: str | None) -> str:
    """An address as a link, or what a network calls it."""
    return f"<{place}>" if layout.address(place) else plain(place or "")


# ---------------------------------------------------------------- JSON


def document(record: Record) -> dict[str, Any]:
    """The same for machines. Times are UTC; `text` is null where no words are kept."""
    author, someone = record.author, record.person
    return {
        "community": record.community,
        "read": layout.iso(record.at),
        "network": record.network,
        "account": author.account,
        "handle": author.handle,
        "name": author.name,
        "profile": author.url,
        "picture": author.avatar,
        "first_chat": record.first,
        "wishes": {
            "nobridge": someone.wishes.nobridge,
            "nobot": someone.wishes.nobot,
            "links": list(someone.wishes.links),
            "stopped": someone.stopped,
            "forgotten": someone.forgotten,
            "consent": someone.consent or None,
        },
        "asked": _iso(someone.asked),
        "offered": _iso(someone.offered),
        "account_gone": _iso(someone.gone),
        "blocked": someone.blocked,
        "posts": [_written(post) for post in record.wrote],
        "acts": [{"at": layout.iso(a.at), "network": a.network, "said": a.said} for a in record.acts],
        "elsewhere": ELSEWHERE.replace("- ", "").split("\n"),
    }


def _written(post: Wrote) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(post)
    times = {name: _iso(getattr(post, name)) for name in ("at", "removed")}
    return fields | times | {"text": None if post.text is None else post.text.plain}


def _iso(at: Micros) -> str | None:
    return layout.iso(at) if at else None


# ---------------------------------------------------------------- files


def _json(record: Record) -> str:
    return json.dumps(document(record), ensure_ascii=False, indent=1) + "\n"


FORMATS: dict[str, Callable[[Record], str]] = {"md": markdown, "json": _json}


def write(record: Record, folder: Path, formats: Iterable[str]) -> list[str]:
    """Write a record into `folder`, called after its network and handle, for this user alone; gives the paths.
    Raises OSError if that cannot be done."""
    folder.mkdir(parents=True, exist_ok=True)
    who = re.sub(r"[^\w.@-]", "_", f"{record.network}-{record.author.handle.lstrip('@')}")
    paths = []
    for ending in dict.fromkeys(formats):
        path = folder / f"record-{who[:100]}.{ending}"
        draft = folder / f".{path.name}.new"
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(FORMATS[ending](record))
        os.replace(draft, path)
        paths.append(str(path))
    return paths
