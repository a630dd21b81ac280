"""The app's Home tab: the run sheet in a host's hands, and to everybody else what concerns them. Pure.

It says nothing that is different every minute, so that it is published anew only when there is news.
"""

from __future__ import annotations

from adapters.slack import controls, forms, rich
from adapters.slack.board import FROZEN, Times, elsewhere, heading, network, state, status
from adapters.slack.cards import one_line
from adapters.slack.forms import BLOCKS, View
from adapters.slack.rich import Block
from bridge.model import Board, Button, Count, Line, Notice

_WORDS = 400  # characters of an item; the form behind its button has it whole


def board(board: Board) -> View:
    """A chat to one of its hosts. Raises TooLong."""
    at = Times(board)
    now = ([FROZEN] if board.blackout else []) + [" · ".join(status(board, at, ticking=False))]
    health = [network(h, at, ticking=False) for h in board.health]
    above = [
        _header(heading(board)),
        *rich.paragraphs("\n".join(now)),
        *controls.rows((*board.buttons, *_own(board))),
        *([_header("Networks"), *rich.paragraphs("\n".join(health))] if health else []),
        _header("Run sheet"),
    ]
    return _home([*above, *_sheet(board, at, BLOCKS - len(above))])


def notice(reply: str | Notice) -> View:
    """To anybody: what the core has to say. Raises TooLong."""
    return _home(forms.blocks(Notice(reply) if isinstance(reply, str) else reply))


def _home(blocks: list[Block]) -> View:
    return forms.checked({"type": "home", "blocks": blocks})


def _header(words: str) -> Block:
    return {"type": "header", "text": rich.plain_text(words, 150)}


def _own(board: Board) -> tuple[Button, ...]:
    """What the Home tab adds to the board's buttons."""
    if board.phase == "over":
        return ()
    own = [
        Button("Add a question…", "plan", board.chat),
        Button("Ask now…", "ask", board.chat),
        Button("Say…", "say", board.chat),
    ]
    if board.upcoming:
        own.append(Button("Preview next", "preview", board.chat, item=board.upcoming))
    there = {button.verb for button in board.buttons}
    return tuple(button for button in own if button.verb not in there)


def _sheet(board: Board, at: Times, most: int) -> list[Block]:
    """Every item, each a block; where they are too many for one view, the earliest are left out."""
    if not board.lines:
        return rich.paragraphs("There is nothing on it yet.")
    left = len(board.lines) - most + 1 if len(board.lines) > most else 0
    told = rich.paragraphs(f"{left} earlier items are not listed.") if left else []
    return told + [_item(line, board, at) for line in board.lines[left:]]


def _item(line: Line, board: Board, at: Times) -> Block:
    """When, what, how it stands; how long it is on each network; a way to say it otherwise."""
    words = [" · ".join((at(line.due), line.label, state(line, board) or "planned", *elsewhere(line, board)))]
    words += [one_line(line.text, _WORDS)] if line.text.strip() else []
    words += [", ".join(_count(count) for count in line.counts)] if line.counts else []
    block: Block = {"type": "section", "text": rich.plain_text("\n".join(words), rich.SECTION)}
    if line.editable:
        edit = Button("Edit…", "edit", board.chat, item=line.id)
        block["accessory"] = controls.button(edit, about=line.label)
    return block


def _count(count: Count) -> str:
    """ "Mastodon 231/500", "Bluesky 2 posts" """
    if count.posts > 1:
        return f"{count.title} {count.posts} posts"
    return f"{count.title} {count.used:,}/{count.most:,}"
