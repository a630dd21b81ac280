"""What the core wants shown, as messages of Slack. Pure.

Words of people stand only in rich_text, in plain_text and in descriptions of pictures, which Slack does not
parse: no markup, no mention, no emoji code. What carries a content warning stands in an attachment, behind
enough line breaks that Slack folds it under "Show more" (its documentation: from five): the one place in a
message where words are folded and yet there; a picture cannot stand there and is described. The message's
`text`, which notifications show and screen readers read, has only the warning.

A stranger's picture is shown by its address. Slack fetches it and shows its readers a copy, so that they stay
unknown to the server it comes from; what only that server's neighbours could reach is described.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import msgspec

from adapters.slack import LIMITS, controls, rich
from adapters.slack.board import board
from adapters.slack.cards import ALT, plain
from adapters.slack.controls import TooLong
from adapters.slack.rich import Block
from bridge.model import Board, Card, Content, Gathered, Media, Notice, Text, Words
from bridge.text import cut, fits, joined, marked, tame

# Slack's documentation. Of the total it says nothing; its users measured about 13,200 characters with what each
# block costs beyond its words (bolt-js, issues 2509 and 2867: 11,341 in many blocks were refused).
TOTAL = 13_000  # characters of all blocks together
BLOCK = 100  # characters that a block costs
POSTED = 40_000  # characters of a text; beyond, Slack cuts without a word
BLOCKS = 50
ADDRESS = 3_000  # characters of a picture's address
PICTURES = 4  # of one entry: Mastodon and Bluesky allow no more

WHOLE = 2_800  # graphemes of an entry; the rest is behind its link
NOTICE = 8_000  # graphemes of what the hosts are told: a preview of every item is long
SHORT = (240, 220, 200, 180, 165, 150, 135, 100, 60)  # graphemes of an entry among several: as many as fit
APART = 10  # entries that have a block each; more share blocks

_FOLD = "\n\u00a0" * 5 + "\n"
_UNDESCRIBED = " (without a description)"
_MEDIA = {"image": "Picture", "video": "Video", "audio": "Sound", "file": "File"}


class Message(msgspec.Struct, frozen=True):
    """How a message looks. `said` is all of it in words, save what is folded."""

    said: Text
    blocks: list[Block] = []
    attachments: list[Block] = []
    username: str | None = None
    icon_url: str | None = None

    def arguments(self) -> dict[str, Any]:
        """For chat.postMessage and chat.update. Empty lists are given too: chat.update keeps what it is not
        told."""
        borrowed = {"username": self.username, "icon_url": self.icon_url}
        return {
            "text": rich.fallback(self.said) if self.blocks else rich.mrkdwn(self.said),
            "blocks": self.blocks,
            "attachments": self.attachments,
            **{key: value for key, value in borrowed.items() if value},
        }

    @property
    def illustrated(self) -> bool:
        """Whether it shows pictures."""
        return any(block["type"] == "image" for block in self.blocks)

    @property
    def weight(self) -> int:
        """Characters Slack may count, if there are blocks."""
        parts = [*self.blocks, *self.attachments]
        return rich.weight(parts) + BLOCK * len(parts)


def message(
    content: Content,
    *,
    named: bool = False,
    files: Mapping[str, str] | None = MappingProxyType({}),
    room: int = TOTAL,
) -> Message:
    """A content as a message. `named`: a single card says its author's name in its heading, since an update
    may lose the borrowed one. `files`: Slack's file ids of our own pictures, by address; None: all pictures
    are described in words. `room`: characters that entries may take. Raises TooLong."""
    match content:
        case Words():
            return _words(content, files)
        case Gathered():
            return _gathered(content, named, room, shows=files is not None)
        case Notice():
            return _notice(content)
        case Board():
            return Message(*board(content, lambda shown: _fits(Message(*shown))))


def said(words: str) -> Message:
    """Words of ours to one person, in which others' may stand: what Slack would take for markup stays as it is."""
    return _notice(Notice(words))


def _fits(message: Message) -> bool:
    return len(message.blocks) <= BLOCKS and message.weight <= TOTAL


def _checked(message: Message) -> Message:
    if not _fits(message):
        raise TooLong("It does not fit one message of Slack.")
    return message


# ---------------------------------------------------------------- our own words


def _words(content: Words, files: Mapping[str, str] | None) -> Message:
    text = content.text
    if not fits(text, LIMITS):
        raise TooLong(f"The text is longer than {LIMITS.graphemes:,} characters.")
    if not text.plain.strip():
        raise TooLong("There is nothing to say: the text is empty.")
    if content.warning:
        notice = Text(_warning(content.warning))
        folded = _folded(notice.plain, text, content.media)
        return _checked(Message(notice, [_paragraph(notice)], [folded]))
    pictures = [_picture(m, files) or rich.block(rich.section(_described(m))) for m in content.media]
    shown = Message(joined(text, *_aloud(content.media)), [_paragraph(text), *pictures])
    if shown.weight <= TOTAL:
        return shown
    if (size := len(rich.mrkdwn(text))) > POSTED:
        raise TooLong(f"The text takes {size:,} characters; Slack cuts at {POSTED:,}.")
    return Message(text)  # thousands of emoji made of many characters each


def _paragraph(text: Text) -> Block:
    return rich.block(rich.section(rich.rich(text)))


def _picture(item: Media, files: Mapping[str, str] | None) -> Block | None:
    """An image block; None for what has to be described in words."""
    if files is None or item.kind != "image":
        return None
    alt = {"alt_text": item.alt.strip()[:ALT] or f"{_MEDIA['image']}{_UNDESCRIBED}"}
    if item.url in files:
        return {"type": "image", "slack_file": {"id": files[item.url]}, **alt}
    url = rich.address(item.url)
    if url is None or len(url) > ADDRESS or not _public(url):
        return None
    return {"type": "image", "image_url": url, **alt}


def _public(url: str) -> bool:
    """Whether an address leads to a named host of the open web."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    numeric = ":" in host or host.replace(".", "").isdecimal()
    return parts.scheme == "https" and "." in host and not numeric and "@" not in parts.netloc


def _described(item: Media) -> list[Block]:
    kind = _MEDIA[item.kind]
    return rich.link(item.url, kind) + rich.words(f": {item.alt}" if item.alt else _UNDESCRIBED)


def _aloud(media: tuple[Media, ...]) -> list[str]:
    """Media for those who hear the message."""
    return [f"\n{_MEDIA[m.kind]}{f': {m.alt}' if m.alt else _UNDESCRIBED}" for m in media]


def _warning(warning: str) -> str:
    return f"Content warning: {warning}"


def _folded(label: str, text: Text, media: tuple[Media, ...]) -> Block:
    """Words under the fold, after `label`."""
    alts = [f"{_MEDIA[m.kind]}: {m.alt or rich.address(m.url) or 'without a description'}" for m in media]
    inside = "\n".join((text.plain, *alts))
    return {
        "fallback": rich.escaped(label),
        "text": rich.escaped(f"{label}{_FOLD}{inside}"),
        "mrkdwn_in": [],
    }


# ---------------------------------------------------------------- entries


def _gathered(content: Gathered, named: bool, room: int, *, shows: bool) -> Message:
    cards = tuple(plain(card) for card in content.cards)
    if not cards:
        raise TooLong("There is no entry to show.")
    sizes: tuple[int, ...] = SHORT if content.short else (WHOLE, *SHORT)
    best: Message | None = None
    at = 0  # first of all whether nothing more need be cut; then where between too long and too short
    while sizes:
        shown = _single(cards[0], sizes[at], named, shows) if len(cards) == 1 else _several(cards, sizes[at])
        best, sizes = (shown, sizes[:at]) if shown.weight <= room else (best, sizes[at + 1 :])
        at = len(sizes) // 2
    if best is None:
        raise TooLong(f"{len(cards)} entries do not fit one message of Slack, even shortened.")
    return best


def _single(card: Card, size: int, named: bool, shows: bool) -> Message:
    """An entry under its author's name and picture."""
    pictures = {m: p for m in card.media[:PICTURES] if (p := _picture(m, {} if shows else None))}
    pictures = {} if card.warning else pictures
    above: Block = {"type": "context", "elements": [rich.plain_text(_heading(card, named=named), 2_000)]}
    if url := rich.address(card.url):
        above["elements"].append({"type": "mrkdwn", "text": f"<{rich.escaped(url)}|open>"})
    if url := rich.address(card.quoted):
        above["elements"].append({"type": "mrkdwn", "text": f"quotes <{rich.escaped(url)}|a post>"})
    said, body, folded = _body(card, size, tuple(m for m in card.media if m not in pictures))
    return Message(
        said=Text(_heading(card)) if card.withheld else joined(f"{_summary(card)}: ", said),
        blocks=[above, *([rich.block(*body)] if body else []), *pictures.values()],
        attachments=folded,
        username=None if card.withheld else _byline(card),
        icon_url=rich.address(card.avatar),
    )


def _several(cards: tuple[Card, ...], size: int) -> Message:
    """One entry below the other, in the order given; the message is ours."""
    sections: list[list[Block]] = []
    attachments: list[Block] = []
    lines: list[Text | str] = []
    for card in cards:
        said, body, folded = _body(card, size, card.media)
        opens = [*rich.words(" · "), *rich.link(card.url, "open")] if rich.address(card.url) else []
        if rich.address(card.quoted):
            opens += [*rich.words(" · quotes "), *rich.link(card.quoted, "a post")]
        top = rich.section(rich.words(_heading(card), bold=True), opens, rich.words("\n"))
        sections.append([top, *body])
        attachments += folded
        lines += [_summary(card), ": " if said.plain else "", said, "\n\n"]
    together = 1 if len(cards) <= APART else APART
    blocks = [_apart(sections[at : at + together]) for at in range(0, len(sections), together)]
    return Message(joined(*lines[:-1]), blocks, attachments)


def _apart(entries: list[list[Block]]) -> Block:
    """Entries that share a block, with a line between two."""
    for entry in entries[:-1]:
        entry.append(rich.section(rich.words("\n")))
    return rich.block(*(section for entry in entries for section in entry))


def _body(card: Card, size: int, described: tuple[Media, ...]) -> tuple[Text, list[Block], list[Block]]:
    """What an entry says aloud, its paragraphs, and what of it is folded. `described`: the media that stand
    there in words."""
    said = cut(card.text, size)
    described = tuple(_brief(m, size) for m in described)
    if card.warning:
        notice = Text(_warning(card.warning))
        label = f"{_heading(card)}. {notice.plain}"
        folded = _folded(label, said, tuple(_brief(m, size) for m in card.media))
        return notice, [rich.section(rich.rich(notice))], [folded]
    media = [rich.section(rich.words("\n"), _described(m)) for m in described]
    words = [rich.section(rich.rich(said))] if said.plain else []
    return joined(said, *_aloud(tuple(_brief(m, size) for m in card.media))), [*words, *media], []


def _brief(item: Media, size: int) -> Media:
    return msgspec.structs.replace(item, alt=cut(Text(item.alt), size).plain)


def _byline(card: Card) -> str:
    return " ".join((card.name, *(f"({n})" for n in card.networks[:1])))[:80]


def _summary(card: Card) -> str:
    """What stands above an entry, for those who hear it."""
    return _heading(card) + (" · quotes a post" if rich.address(card.quoted) else "")


def _heading(card: Card, *, named: bool = True) -> str:
    """As in "A3 · 42 · Ann · @ann@mastodon.example · Mastodon, Bluesky · edited"."""
    if card.withheld:
        return f"{card.heading} · {card.withheld}"
    bits = [card.heading, card.name if named else "", card.handle, ", ".join(card.networks)]
    bits += ["host"] if card.host else []
    bits += ["edited"] if card.edited else []
    return " · ".join(dict.fromkeys(bit for bit in bits if bit))


# ---------------------------------------------------------------- for the hosts


def _notice(notice: Notice) -> Message:
    """As much of it as fits, beside the entry it is about."""
    entry = Message(Text()) if notice.card is None else _several((plain(notice.card),), SHORT[0])

    def shown(size: int) -> Message:
        said = cut(marked(tame(notice.text)), size)
        return Message(
            said=joined(said, "\n", entry.said) if notice.card else said,
            blocks=[_paragraph(said), *entry.blocks, *controls.rows(notice.buttons)],
            attachments=entry.attachments,
        )

    return _checked(next((m for size in (NOTICE, WHOLE) if _fits(m := shown(size))), shown(SHORT[0])))
