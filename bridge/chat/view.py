"""A chat as one audience may see it, as frozen values: what the page and the transcripts are made of.

Whoever makes a view has already decided who may see what; whoever shows one decides nothing.
"""

from __future__ import annotations

from typing import Literal

from bridge.model import Media, Micros, Text, Value


class Source(Value, frozen=True):
    """Where an entry was written. `network` is its name in the config, `title` what people call it, `id` what
    `Ref.id` says, `url` the post's page."""

    network: str
    title: str
    id: str
    url: str | None = None


class EntryView(Value, frozen=True):
    """An entry as one audience may see it. Without `text` its words are withheld, and `withheld` says why."""

    no: int
    heading: str  # "A3 · 42", "Hello · 7", "A3, late · 61"
    questions: tuple[str, ...]  # ("Q3",), () for a hello
    sources: tuple[Source, ...]
    at: Micros
    text: Text | None = None
    name: str = ""
    handle: str = ""
    avatar: str | None = None
    host: bool = False
    warning: str | None = None
    language: str | None = None
    media: tuple[Media, ...] = ()
    quoted: str | None = None  # the page of what it quotes
    edited: bool = False
    reply_to: int | None = None
    reply_name: str = ""  # who wrote what it replies to
    withheld: str | None = None  # "stays on Mastodon", "stays in Slack"
    hidden: bool = False


class QuestionView(Value, frozen=True):
    """A question of the chat. `due` is when it is planned, `posted` when it was asked. `total`: its answers,
    whatever network they are on, of which `kept` are not shown to this audience. `counts`: the same per
    network, in the config's order; an answer on two networks counts on each."""

    label: str
    text: str
    due: Micros
    posted: Micros | None = None
    entries: tuple[int, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()  # (network title, answers)
    total: int = 0
    kept: int = 0
    warning: str = ""
    alt: str = ""  # what its picture shows
    translations: tuple[tuple[str, str], ...] = ()  # (language, text)


class ChatView(Value, frozen=True):
    """A chat as one audience may see it; `entries` in timeline order, by number. `total`: all entries but those
    that a host hid, of which `kept` are not shown to this audience."""

    id: str
    title: str
    tag: str
    community: str
    zone: str
    starts: Micros
    ends: Micros
    phase: Literal["before", "open", "late", "over"]
    hosts: tuple[str, ...]
    questions: tuple[QuestionView, ...]
    entries: tuple[EntryView, ...]
    withheld: tuple[tuple[str, int], ...] = ()  # ("Slack", 6): "6 more in Slack"
    article: str | None = None
    language: str = "en"
    total: int = 0
    kept: int = 0
    paused: bool = False  # hosts let nothing new onto the page for the moment
    erased: Micros | None = None  # when people's words had had their time; then there are figures only
    people: int = 0  # who wrote them; told only then
