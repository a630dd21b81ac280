"""Forms as Slack's modals, and words put where a form was. Pure.

Words of people stand only in plain_text and as what stands in a field: nothing in a view is parsed, save for the
links that we made.

When a view is updated, Slack keeps what was typed into a block of the same id (its documentation: "Preserving input
entry in views"). So a form that comes anew, in its own place, names its blocks anew, and what it says stands there.
"""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from adapters.slack import controls, rich
from adapters.slack.cards import author, plain
from adapters.slack.controls import PREFIX, Control, TooLong
from adapters.slack.ids import Where
from adapters.slack.rich import Block
from bridge.model import Card, Choice, Field, Form, Notice
from bridge.text import cut, marked

View: TypeAlias = dict[str, Any]

# Slack's documentation: modal view, input block, plain-text input, static select, option object, views.open
TITLE = 24  # characters of a modal's title, and of each of its two buttons
BLOCKS = 100  # of a view
METADATA = 3_000  # characters of private_metadata
SIZE = 250_000  # bytes of a view
WORDS = 3_000  # characters that can be typed
LABEL, HINT = 2_000, 2_000  # characters above and below a field
OPTIONS, OPTION, PICK = 100, 75, 150  # of a list: lines, characters of one, characters of its value

FIELD, LIST = "words", "choice"  # the action_id of the field and of the list; a first block_id is the same
EXCERPT = 1_000  # graphemes of the entry a form is about
_NAMED = 12  # choices told in words
NOWHERE = Where("")


def modal(form: Form, where: Where = NOWHERE) -> View:
    """A form. `where`: who asked for it where; what came of it is told there. Raises TooLong."""
    asked = Control(form.chat, form.item, form.on, channel=where.channel, thread=where.thread)
    again = where.hash if where.view else ""  # something that the form in whose place it stands did not have
    entered = [
        *([_field(form.field, again)] if form.field else []),
        *([_list(form, again)] if form.choices else []),
    ]
    blocks = [
        *_said(form.words),
        *([] if form.card is None else about(form.card)),
        *entered,
        *controls.rows(form.buttons),
    ]
    sends = bool(entered) or not form.buttons  # Slack wants a way to send what is entered
    return checked(
        _dialog(form.title, blocks, "Cancel" if sends else "Close")
        | ({"submit": rich.plain_text(form.submit or "Send", TITLE)} if sends else {})
        | {
            "callback_id": f"{PREFIX}{form.verb}",
            "private_metadata": controls.value(asked, METADATA, f"The form {form.title!r}"),
        }
    )


def told(reply: str | Notice) -> View:
    """What came of a button in a form, in the form's place. Raises TooLong."""
    notice = Notice(reply) if isinstance(reply, str) else reply
    done = notice.text.startswith("Done") and not notice.buttons
    return checked(_dialog("Done" if done else "The chat", blocks(notice), "Close"))


def blocks(notice: Notice) -> list[Block]:
    """A notice as a view shows it."""
    return [
        *_said(notice.text),
        *([] if notice.card is None else about(notice.card)),
        *controls.rows(notice.buttons),
    ]


def checked(view: View) -> View:
    """The view, if Slack takes one of that size. Raises TooLong."""
    if len(view["blocks"]) > BLOCKS or len(json.dumps(view).encode()) > SIZE:
        raise TooLong("It does not fit one view of Slack.")
    return view


def in_words(form: Form) -> str:
    """How to say in one line what a form asks, for when it cannot be opened."""
    said = " ".join(
        bit
        for bit in (
            "/chat",
            form.verb,
            form.item or "",
            form.on or "",
            "…" if form.choices else "",
            "YOUR WORDS" if form.field else "",
        )
        if bit
    )
    values = [c.value for c in form.choices[:_NAMED]]
    one = f" In place of … one of: {', '.join(values)}." if values else ""
    return (
        "The form could not be opened: Slack allows only three seconds for it. Please try once more, or say it in "
        f"one line: {said}{'.' if one else ''}{one}"
    )


# ---------------------------------------------------------------- parts


def _dialog(title: str, blocks: list[Block], close: str) -> View:
    return {
        "type": "modal",
        "title": rich.plain_text(title.strip() or "The chat", TITLE),
        "close": rich.plain_text(close, TITLE),
        "blocks": blocks,
    }


def _said(words: str) -> list[Block]:
    return [*rich.paragraphs(words), *rich.opens(marked(words))]


def about(card: Card) -> list[Block]:
    """The entry a view is about. There is no fold in a view: words behind a warning are behind the link."""
    card = plain(card)
    heading = " · ".join(bit for bit in (card.heading, author(card) or card.withheld) if bit)
    top: Block = {"type": "context", "elements": [rich.plain_text(heading or "An entry", LABEL)]}
    if card.url:
        top["elements"].append({"type": "mrkdwn", "text": f"<{rich.escaped(card.url)}|open>"})
    if card.warning:
        return [top, *rich.paragraphs(f"Content warning: {card.warning}")]
    media = [f"({m.kind}: {m.alt or 'without a description'})" for m in card.media]
    return [top, *rich.paragraphs("\n".join((cut(card.text, EXCERPT).plain, *media)))]


def _field(field: Field, again: str) -> Block:
    most = max(1, min(field.most, WORDS))
    element: Block = {
        "type": "plain_text_input",
        "action_id": FIELD,
        "multiline": True,
        "max_length": most,
        **({"initial_value": rich.short(field.text, most)} if field.text else {}),
    }
    return _input(FIELD, again, field.label or "Your words", field.hint, element)


def _list(form: Form, again: str) -> Block:
    """A list of at most as many lines as Slack takes; the one picked at first is always among them."""
    choices = form.choices[:OPTIONS]
    chosen = next((c for c in form.choices if c.value == form.chosen), None)
    if chosen is not None and chosen not in choices:
        choices = (*choices[:-1], chosen)
    left = len(form.choices) - len(choices)
    element: Block = {"type": "static_select", "action_id": LIST, "options": [_option(c) for c in choices]}
    if chosen is not None:
        element["initial_option"] = _option(chosen)
    return _input(LIST, again, form.pick or "Which one", f"{left} more do not fit." if left else "", element)


def _option(choice: Choice) -> Block:
    if len(choice.value) > PICK:
        raise TooLong(f"The choice {choice.label!r} names too much to fit Slack's {PICK} characters.")
    return {"text": rich.plain_text(choice.label or choice.value, OPTION), "value": choice.value}


def _input(kind: str, again: str, label: str, hint: str, element: Block) -> Block:
    return {
        "type": "input",
        "block_id": f"{kind}:{again}" if again else kind,
        "label": rich.plain_text(label, LABEL),
        "element": element,
    } | ({"hint": rich.plain_text(hint, HINT)} if hint else {})
