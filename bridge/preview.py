"""Every item of a config's run sheets as each network would show it: data first, then words. Nothing is asked
but how large its pictures are."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path
from typing import Any

import msgspec

from bridge import when
from bridge.chat import runsheet, wording
from bridge.config import Config
from bridge.errors import Mistake
from bridge.model import Limits, Micros, Network, Words
from bridge.readiness import too_late
from bridge.settings import Chat, Community, Net
from bridge.text import beside

WIDTH = 88


class Part(msgspec.Struct, frozen=True):
    """One post. `count` is what the network counts of its `limit`, in graphemes, and `bytes` are UTF-8; both
    with the content warning. `language`: what it is written in; `number` of `total` posts in that language."""

    text: str
    count: int
    limit: int
    bytes: int
    bytes_limit: int | None = None
    language: str = ""
    number: int = 1
    total: int = 1


class Shown(msgspec.Struct, frozen=True):
    """An item on one network: its words, and the posts they make there. `too_large`: why the network will not
    take the picture."""

    network: Network
    title: str
    text: str
    parts: tuple[Part, ...]
    warning: str | None = None
    image: str | None = None
    alt: str | None = None
    too_large: str = ""


class Item(msgspec.Struct, frozen=True):
    """One line of the run sheet. `at`: microseconds; `local` and `utc`: the same, ISO 8601. `past`: that is over
    before the chat begins, and it is left out."""

    id: str
    kind: str
    label: str
    at: Micros
    local: str
    utc: str
    when: str
    past: bool
    networks: tuple[Shown, ...]


class Sheet(msgspec.Struct, frozen=True):
    """A chat's run sheet."""

    id: str
    title: str
    hashtag: str
    zone: str
    items: tuple[Item, ...]


class Preview(msgspec.Struct, frozen=True):
    """What `chatbridge preview --json` prints."""

    chats: tuple[Sheet, ...]
    warnings: tuple[Mistake, ...] = ()


def preview(config: Config, now: Micros) -> Preview:
    """All chats of a config, as it is `now`, with limits as they are assumed before a server says otherwise."""
    community = config.community
    sheets = tuple(
        Sheet(
            chat.id,
            chat.title,
            chat.hashtag,
            community.zone,
            tuple(_item(item, chat, community, now) for item in runsheet.build(chat).items),
        )
        for chat in community.chats
    )
    return Preview(sheets, config.warnings)


def show(data: Preview) -> str:
    """The preview for a person, as plain lines of 88 columns that a screen reader can follow."""
    lines: list[str] = []
    for sheet in data.chats:
        lines += [f"{sheet.title}  #{sheet.hashtag}  ({sheet.id})", "=" * WIDTH]
        for item in sheet.items:
            lines += ["", f"{item.label} · {item.when}", "-" * WIDTH]
            if item.past:
                lines.append("    [that time has passed: this one is left out]")
            for alike in _alike(item.networks):
                lines += _lines(alike)
            if item.kind == "recap":
                lines.append("    [answers are counted when it goes out]")
        lines.append("")
    if data.warnings:
        lines += ["To think about:", *(str(warning) for warning in data.warnings), ""]
    return "\n".join(lines)


# ---------------------------------------------------------------- the pieces


def _item(item: runsheet.Item, chat: Chat, community: Community, now: Micros) -> Item:
    return Item(
        id=item.id,
        kind=item.kind,
        label=_label(item),
        at=item.due,
        local=when.local(item.due, community.zone).isoformat(),
        utc=when.local(item.due, "UTC").isoformat(),
        when=when.moment(item.due, community.zone),
        past=too_late(item, chat, now),
        networks=tuple(_shown(item, chat, community, net) for net in community.networks if net.post),
    )


def _label(item: runsheet.Item) -> str:
    return f"{item.label} {when.span(item.lead)} before" if item.kind == "reminder" else item.label


def _shown(item: runsheet.Item, chat: Chat, community: Community, net: Net) -> Shown:
    question = chat.questions[item.number - 1] if item.number else None
    words = dict[str, Any](
        chat=chat,
        community=community,
        net=net,
        label=item.heading,
        text=item.text,
        figures=_no_figures(item, chat),
        lead=item.lead,
    )
    posts = [post.words for post in wording.posts(item.kind, limits=net.limits, **words)]
    return Shown(
        network=net.name,
        title=net.title,
        text=wording.plain(item.kind, **words),
        parts=tuple(_part(n, posts, net.limits) for n in range(len(posts))),
        warning=posts[0].warning if net.limits.warning == "{}" else None,
        image=question.image if question else None,
        alt=question.alt if question else None,
        too_large=_too_large(question.image, net) if question and question.image else "",
    )


def _part(n: int, posts: list[Words], limits: Limits) -> Part:
    """Part `n` of an item's posts, numbered among those in its language."""
    words = posts[n]
    left = beside(words.warning, limits)
    same = [m for m, post in enumerate(posts) if post.language == words.language]
    taken = 0 if left.bytes is None or limits.bytes is None else limits.bytes - left.bytes
    above = words.warning and limits.warning != "{}"  # it stands before the words there
    return Part(
        (limits.warning.replace("{}", words.warning or "") if above else "") + words.text.plain,
        wording.used(words, limits),
        limits.graphemes,
        len(words.text.plain.encode()) + taken,
        limits.bytes,
        words.language or "",
        same.index(n) + 1,
        len(same),
    )


def _too_large(image: str, net: Net) -> str:
    """Why a network will not take a picture; "" if nothing is known against it."""
    size, most = Path(image).stat().st_size, net.limits.image
    if most is None or size <= most:
        return ""
    return f"too large for {net.title}: {math.ceil(size / 10_000) / 100:g} MB of {most // 10_000 / 100:g} MB"


def _no_figures(item: runsheet.Item, chat: Chat) -> wording.Figures:
    """A recap before the chat: its questions, without answers."""
    asked = [f"Q{n}" for n, question in enumerate(chat.questions, 1) if question.due < item.due]
    return tuple((label, ()) for label in asked)


def _alike(networks: tuple[Shown, ...]) -> list[list[Shown]]:
    """The networks that show the very same posts, together."""
    groups: dict[tuple[str, ...], list[Shown]] = {}
    for shown in networks:
        groups.setdefault((shown.warning or "", *(post.text for post in shown.parts)), []).append(shown)
    return list(groups.values())


def _lines(alike: list[Shown]) -> list[str]:
    first, lines = alike[0], []
    for number, post in enumerate(first.parts):
        which = f", part {post.number} of {post.total}" if post.total > 1 else ""
        which += f", in {post.language}" if post.language != first.parts[0].language else ""
        sizes = ", ".join(f"{shown.title} {_size(shown.parts[number])}" for shown in alike)
        lines.append(f"  {sizes}{which}")
        if first.warning and not number:
            lines.append(f"    [content warning: {first.warning}]")
        for paragraph in post.text.split("\n"):
            lines += textwrap.wrap(
                paragraph, WIDTH - 4, initial_indent="    ", subsequent_indent="    ", break_long_words=False
            ) or [""]
        if first.image and not number:
            lines.append(f"    [picture: {first.image}, described: {first.alt}]")
            lines += [f"    [picture {shown.too_large}]" for shown in alike if shown.too_large]
    return lines


def _size(post: Part) -> str:
    heavy = post.bytes_limit is not None and post.bytes * 10 > post.bytes_limit * 9
    more = f", {post.bytes} of {post.bytes_limit} bytes" if heavy else ""
    return f"({post.count} of {post.limit}{more})"
