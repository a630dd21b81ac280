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
    """The arguments of chat.postMessage that say how a message looks."""

    text: str
    blocks: list[Block] = []
    attachments: list[Block] = []
    username: str | None = None
    icon_url: str | None = None

    def arguments(self) -> dict[str, Any]:
        """All are given, also empty ones: chat.update keeps what it is not told."""
        borrowed = {"username": self.username, "icon_url": self.icon_url}
        return {
            "text": self.text,
            "blocks": self.blocks,
            "attachments": self.attachments,
            **{key: value for key, value in borrowed.items() if value},
        }


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
            return _checked(Message(rich.fallback(Text(summary)), shown + _controls(content.buttons)))


# ---------------------------------------------------------------- our own words


def _words(content: Words) -> Message:
    if not fits(content.text, LIMITS):
        raise TooLong(f"The text is longer than {LIMITS.graphemes:,} characters.")
    if not content.text.plain.strip():
        raise TooLong("There is nothing to say: the text is empty.")
    if content.warning:
        return _checked(_warned("", content.warning, content.text, content.media))
    shown = [rich.block(rich.section(rich.rich(content.text))), *_pictures(content.media)]
    if rich.weight(shown) <= TOTAL:
        return Message(rich.fallback(content.text), shown)
    text = rich.mrkdwn(content.text)  # thousands of emoji made of many characters each
    if len(text) > POSTED:
        raise TooLong(f"The text takes {len(text):,} characters; Slack cuts at {POSTED:,}.")
    return Message(text)


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


def _warned(heading: str, warning: str, text: Text, media: tuple[Media, ...], **rest: Any) -> Message:
    """The warning in the open, the words folded."""
    notice = f"{heading}Content warning: {warning}"
    return Message(
        text=rich.fallback(Text(notice)),
        blocks=[*rest.pop("above", ()), rich.block(rich.section(rich.words(f"Content warning: {warning}")))],
        attachments=[_folded(f"Content warning: {warning}", text, media)],
        **rest,
    )


def _folded(label: str, text: Text, media: tuple[Media, ...]) -> Block:
    alts = [f"{_MEDIA[m.kind]}: {m.alt or m.url}" for m in media]
    inside = "\n".join((text.plain, *alts))
    return {
        "fallback": rich.escaped(label),
        "text": rich.escaped(f"{label}{_FOLD}{inside}"),
        "mrkdwn_in": [],
    }


# ---------------------------------------------------------------- entries


def _gathered(content: Gathered, named: bool) -> Message:
    if not content.cards:
        raise TooLong("There is no entry to show.")
    if len(content.cards) > BLOCKS:
        raise TooLong(f"{len(content.cards)} entries; one message of Slack holds {BLOCKS}.")
    sizes = SHORT if content.short else (WHOLE, *SHORT)
    for size in sizes:
        single = len(content.cards) == 1
        built = _single(content.cards[0], size, named) if single else _several(content.cards, size)
        if rich.weight([built.blocks, built.attachments]) <= TOTAL:
            return built
    raise TooLong(f"{len(content.cards)} entries do not fit one message of Slack, even shortened.")


def _single(card: Card, size: int, named: bool) -> Message:
    """An entry under its author's name and picture."""
    name = _name(card)
    heading = _heading(card, named=named)
    above: Block = {"type": "context", "elements": [rich.plain_text(heading, 2_000)]}
    if url := rich.address(card.url):
        above["elements"].append({"type": "mrkdwn", "text": f"<{rich.escaped(url)}|open>"})
    look: dict[str, Any] = {
        "username": f"{name} ({card.networks[0]})"[:80] if card.networks else name[:80],
        "icon_url": rich.address(card.avatar),
    }
    said = cut(card.text, size)
    if card.warning:
        return _warned(f"{_heading(card)}. ", card.warning, said, card.media, above=[above], **look)
    media = [rich.section(rich.words("\n"), _described(m)) for m in card.media]
    body = rich.block(rich.section(rich.rich(said)), *media)
    return Message(
        text=rich.fallback(joined(f"{_heading(card)}: ", said)),
        blocks=[above, body] if body["elements"] else [above],
        **look,
    )


def _several(cards: tuple[Card, ...], size: int) -> Message:
    """One block an entry, in the order given; the message is ours."""
    shown, folded, lines = [], [], []
    for card in cards:
        heading, said = _heading(card), cut(card.text, size)
        top = rich.section(rich.words(heading, bold=True), rich.words(" · "), rich.link(card.url, "open"))
        if card.warning:
            notice = f"Content warning: {card.warning}"
            shown.append(rich.block(top, rich.section(rich.words(f"{notice} (folded below)"))))
            folded.append(_folded(f"{heading}. {notice}", said, card.media))
            lines.append(Text(f"{heading}. {notice}"))
        else:
            media = [rich.section(rich.words("\n"), _described(m)) for m in card.media]
            shown.append(rich.block(top, rich.section(rich.words("\n"), rich.rich(said)), *media))
            lines.append(joined(f"{heading}: ", said))
    text = joined(*(piece for line in lines for piece in (line, "\n\n")))
    return Message(text=rich.fallback(text), blocks=shown, attachments=folded)


def _name(card: Card) -> str:
    return person(card.name) or card.handle or "Somebody"


def _heading(card: Card, *, named: bool = True) -> str:
    """ "A3 · 42 · Ann · @ann@mastodon.example · Mastodon, Bluesky · edited" """
    bits = [card.heading, _name(card) if named else "", card.handle, ", ".join(card.networks)]
    bits += ["host"] if card.host else []
    bits += ["edited"] if card.edited else []
    return " · ".join(dict.fromkeys(bit for bit in bits if bit))


# ---------------------------------------------------------------- for the hosts


def _notice(notice: Notice) -> Message:
    said = cut(marked(notice.text), WHOLE)
    shown = [rich.block(rich.section(rich.rich(said)))]
    text, folded = said, []
    if notice.card is not None:
        entry = _several((notice.card,), SHORT[0])
        shown, folded = shown + entry.blocks, entry.attachments
        text = joined(said, "\n", Text(entry.text))
    return _checked(Message(rich.fallback(text), shown + _controls(notice.buttons), folded))


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


def _checked(message: Message) -> Message:
    if len(message.blocks) > BLOCKS or rich.weight([message.blocks, message.attachments]) > TOTAL:
        raise TooLong("It does not fit one message of Slack.")
    return message
