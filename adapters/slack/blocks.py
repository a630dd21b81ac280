"""What the core wants shown, as messages of Slack. Pure.

Words of people stand only in rich_text and plain_text, which Slack does not parse: no markup, no mention, no
emoji code. What carries a content warning stands in an attachment, behind enough line breaks that Slack folds
it under "Show more" (its documentation: from five): the one place in a message where words are folded and yet
there. The message's `text`, which notifications show, has only the warning.
"""

from __future__ import annotations

from typing import Any

import msgspec

from adapters.slack import LIMITS, rich
from adapters.slack.board import board
from adapters.slack.rich import Block
from bridge.model import Board, Button, Card, Content, Gathered, Media, Notice, Text, Words
from bridge.text import cut, fits, joined, marked, person

# Slack's documentation; of the total, one secondary source measured about 13,200.
TOTAL = 12_000  # characters of all blocks together
POSTED = 40_000  # characters of a text; beyond, Slack cuts without a word
BLOCKS = 50
BUTTONS = 25  # in one block
VALUE = 2_000  # characters of a button's value

WHOLE = 2_800  # graphemes of an entry; the rest is behind its link
SHORT = (240, 160, 100, 60)  # graphemes of an entry among several: as many as fit

_FOLD = "\n\u00a0" * 5 + "\n"
_MEDIA = {"image": "Picture", "video": "Video", "audio": "Sound", "file": "File"}


class TooLong(Exception):
    """It does not fit one message; says why, for a person."""


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
    def weight(self) -> int:
        """Characters Slack may count, if there are blocks."""
        return rich.weight([self.blocks, self.attachments])


def message(content: Content, *, named: bool = False) -> Message:
    """A content as a message. `named`: a single card says its author's name in its heading, since an update
    may lose the borrowed one. Raises TooLong."""
    match content:
        case Words():
            return _words(content)
        case Gathered():
            return _gathered(content, named)
        case Notice():
            return _notice(content)
        case Board():
            summary, shown = board(content)
            return _checked(Message(Text(summary), shown + _controls(content.buttons)))


def _checked(message: Message) -> Message:
    if len(message.blocks) > BLOCKS or message.weight > TOTAL:
        raise TooLong("It does not fit one message of Slack.")
    return message


# ---------------------------------------------------------------- our own words


def _words(content: Words) -> Message:
    text = content.text
    if not fits(text, LIMITS):
        raise TooLong(f"The text is longer than {LIMITS.graphemes:,} characters.")
    if not text.plain.strip():
        raise TooLong("There is nothing to say: the text is empty.")
    if content.warning:
        notice = Text(_warning(content.warning))
        folded = _folded(notice.plain, text, content.media)
        return _checked(Message(notice, [_paragraph(notice)], [folded]))
    shown = Message(text, [_paragraph(text), *_pictures(content.media)])
    if shown.weight <= TOTAL:
        return shown
    if (size := len(rich.mrkdwn(text))) > POSTED:
        raise TooLong(f"The text takes {size:,} characters; Slack cuts at {POSTED:,}.")
    return Message(text)  # thousands of emoji made of many characters each


def _paragraph(text: Text) -> Block:
    return rich.block(rich.section(rich.rich(text)))


def _pictures(media: tuple[Media, ...]) -> list[Block]:
    """Our own pictures by address; what Slack cannot fetch is described in words."""
    shown: list[Block] = []
    for item in media:
        url = rich.address(item.url)
        if item.kind == "image" and url is not None:
            shown.append({"type": "image", "image_url": url, "alt_text": item.alt[:VALUE] or "Picture"})
        else:
            shown.append(rich.block(rich.section(_described(item))))
    return shown


def _described(item: Media) -> list[Block]:
    kind = _MEDIA[item.kind]
    return rich.link(item.url, kind) + rich.words(f": {item.alt}" if item.alt else " (without a description)")


def _warning(warning: str) -> str:
    return f"Content warning: {warning}"


def _folded(label: str, text: Text, media: tuple[Media, ...]) -> Block:
    """Words under the fold, after `label`."""
    alts = [f"{_MEDIA[m.kind]}: {m.alt or m.url}" for m in media]
    inside = "\n".join((text.plain, *alts))
    return {
        "fallback": rich.escaped(label),
        "text": rich.escaped(f"{label}{_FOLD}{inside}"),
        "mrkdwn_in": [],
    }


# ---------------------------------------------------------------- entries


def _gathered(content: Gathered, named: bool) -> Message:
    cards = content.cards
    if not cards:
        raise TooLong("There is no entry to show.")
    if len(cards) > BLOCKS:
        raise TooLong(f"{len(cards)} entries; one message of Slack holds {BLOCKS}.")
    for size in SHORT if content.short else (WHOLE, *SHORT):
        shown = _single(cards[0], size, named) if len(cards) == 1 else _several(cards, size)
        if shown.weight <= TOTAL:
            return shown
    raise TooLong(f"{len(cards)} entries do not fit one message of Slack, even shortened.")


def _single(card: Card, size: int, named: bool) -> Message:
    """An entry under its author's name and picture."""
    above: Block = {"type": "context", "elements": [rich.plain_text(_heading(card, named=named), 2_000)]}
    if url := rich.address(card.url):
        above["elements"].append({"type": "mrkdwn", "text": f"<{rich.escaped(url)}|open>"})
    said, body, folded = _body(card, size)
    return Message(
        said=Text(_heading(card)) if card.withheld else joined(f"{_heading(card)}: ", said),
        blocks=[above, rich.block(*body)] if body else [above],
        attachments=folded,
        username=None if card.withheld else _byline(card),
        icon_url=rich.address(card.avatar),
    )


def _several(cards: tuple[Card, ...], size: int) -> Message:
    """One block an entry, in the order given; the message is ours."""
    blocks: list[Block] = []
    attachments: list[Block] = []
    lines: list[Text | str] = []
    for card in cards:
        said, body, folded = _body(card, size)
        opens = [*rich.words(" · "), *rich.link(card.url, "open")] if rich.address(card.url) else []
        top = rich.section(rich.words(_heading(card), bold=True), opens, rich.words("\n"))
        blocks.append(rich.block(top, *body))
        attachments += folded
        lines += [_heading(card), ": " if said.plain else "", said, "\n\n"]
    return Message(joined(*lines[:-1]), blocks, attachments)


def _body(card: Card, size: int) -> tuple[Text, list[Block], list[Block]]:
    """What an entry says aloud, its paragraphs, and what of it is folded."""
    said = cut(card.text, size)
    if card.warning:
        notice = Text(_warning(card.warning))
        label = f"{_heading(card)}. {notice.plain}"
        return notice, [rich.section(rich.rich(notice))], [_folded(label, said, card.media)]
    media = [rich.section(rich.words("\n"), _described(m)) for m in card.media]
    words = [rich.section(rich.rich(said))] if said.plain else []
    return said, [*words, *media], []


def _byline(card: Card) -> str:
    return " ".join((_name(card), *(f"({n})" for n in card.networks[:1])))[:80]


def _name(card: Card) -> str:
    return person(card.name) or card.handle or "Somebody"


def _heading(card: Card, *, named: bool = True) -> str:
    """As in "A3 · 42 · Ann · @ann@mastodon.example · Mastodon, Bluesky · edited"."""
    if card.withheld:
        return f"{card.heading} · {card.withheld}"
    bits = [card.heading, _name(card) if named else "", card.handle, ", ".join(card.networks)]
    bits += ["host"] if card.host else []
    bits += ["edited"] if card.edited else []
    return " · ".join(dict.fromkeys(bit for bit in bits if bit))


# ---------------------------------------------------------------- for the hosts


def _notice(notice: Notice) -> Message:
    said = cut(marked(notice.text), WHOLE)
    entry = Message(Text()) if notice.card is None else _several((notice.card,), SHORT[0])
    return _checked(
        Message(
            said=joined(said, "\n", entry.said) if notice.card else said,
            blocks=[_paragraph(said), *entry.blocks, *_controls(notice.buttons)],
            attachments=entry.attachments,
        )
    )


class Control(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a button's value says, as JSON."""

    chat: str | None = None
    item: str | None = None
    on: str | None = None


PREFIX = "chatbridge:"  # of an action_id; then the verb, then a number where a block has a verb twice


def _controls(buttons: tuple[Button, ...]) -> list[Block]:
    return [
        {"type": "actions", "elements": [_button(b, n) for n, b in enumerate(buttons[at : at + BUTTONS])]}
        for at in range(0, len(buttons), BUTTONS)
    ]


def _button(button: Button, n: int) -> Block:
    value = msgspec.json.encode(Control(button.chat, button.item, button.on)).decode()
    if len(value) > VALUE:
        raise TooLong(f"The button {button.label!r} names too much to fit Slack's {VALUE:,} characters.")
    return {
        "type": "button",
        "action_id": f"{PREFIX}{button.verb}:{n}",
        "text": rich.plain_text(button.label, 75),
        "value": value,
    } | ({"style": button.style} if button.style else {})
