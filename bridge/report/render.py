"""The timeline as HTML: the live page, its pieces, and the transcript, from the same templates.

Every word goes through Jinja's autoescape or `Markup.escape`; there is no other way into the HTML.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from bridge.chat.view import ChatView, EntryView
from bridge.model import Span, Text
from bridge.report import layout
from bridge.text import graphemes, person, tame, tamed

HERE = Path(__file__).parent
STYLE = HERE / "static" / "chat.css"


@cache
def _environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {
        "words": words,
        "person": person,
        "tame": tame,
        "link": layout.address,
        "iso": layout.iso,
        "listed": lambda parts: layout.listed(tuple(parts)),
    }
    env.globals |= {"layout": layout, "initial": _initial, "tone": _tone}
    return env


@cache
def _parts() -> Any:  # a Jinja module: its macros are attributes
    return _environment().get_template("parts.html").module


def entry(view: EntryView, chat: ChatView, *, pictures: bool = False) -> str:
    """One entry as a list item."""
    return str(_parts().entry(view, chat, pictures)).strip()


def pieces(chat: ChatView) -> dict[str, Any]:
    """What stands around the entries and changes while the chat runs: status, questions, section heads."""
    parts, found = _parts(), layout.sections(chat)
    return {
        "phase": chat.phase,
        "status": str(parts.status(chat)).strip(),
        "questions": str(parts.questions(chat, found)).strip(),
        "rest": str(parts.rest(chat)).strip(),
        "sections": [{"key": s.key, "html": str(parts.head(s, chat)).strip()} for s in found],
    }


def page(
    chat: ChatView,
    others: tuple[ChatView, ...] = (),
    entries: dict[int, str] | None = None,
    *,
    event: int = 0,
    pictures: bool = False,
) -> str:
    """The live page of a chat. `entries`: already rendered ones by number; `event`: the id of the last event
    whose change is on the page."""
    done = entries or {}
    items = {
        e.no: Markup(done[e.no] if e.no in done else entry(e, chat, pictures=pictures))  # noqa: S704
        for e in layout.shown(chat)
    }
    return (
        _environment()
        .get_template("page.html")
        .render(chat=chat, others=others, sections=layout.sections(chat), items=items, event=event)
    )


def empty() -> str:
    """The page while there is no chat at all."""
    return _environment().get_template("empty.html").render()


def html(chat: ChatView) -> str:
    """The transcript as one self-contained file: no script, nothing from elsewhere."""
    return (
        _environment()
        .get_template("transcript.html")
        .render(
            chat=chat,
            sections=layout.sections(chat),
            figures=layout.statistics(chat),
            items={e.no: Markup(entry(e, chat)) for e in layout.shown(chat)},  # noqa: S704
            style=Markup(STYLE.read_text("utf-8")),  # noqa: S704
        )
    )


def words(text: Text, pictures: bool = False) -> Markup:
    """A stranger's text with its links, each naming its host if the visible words do not, and a server's own
    emoji by name or, with `pictures`, as they look."""
    text = tamed(text)
    out, at = Markup(), 0
    for span in text.spans:
        made = _emoji(span, text, pictures) if span.kind == "emoji" else _link(span, text)
        if made is None or span.start < at:
            continue
        out += escape(text.plain[at : span.start]) + made
        at = span.end
    return out + escape(text.plain[at:])


def _link(span: Span, text: Text) -> Markup | None:
    url = layout.address(span.value) if span.kind == "link" else None
    if url is None:
        return None
    visible = text.plain[span.start : span.end]
    host = layout.disguised(visible, url)
    return _LINK.format(url, visible) + (Markup(" <small>({})</small>").format(host) if host else "")


def _emoji(span: Span, text: Text, pictures: bool) -> Markup:
    name = text.plain[span.start : span.end]
    if pictures and layout.secure(span.value):
        return _EMOJI.format(span.value, name, name)
    return Markup('<span class="emoji" title="an emoji of their server">{}</span>').format(name)


_LINK = Markup('<a href="{}" rel="noopener nofollow ugc">{}</a>')
_EMOJI = Markup(
    '<img class="emoji" src="{}" alt="{}" title="{}" loading="lazy" decoding="async"'
    ' referrerpolicy="no-referrer">'
)


def _initial(view: EntryView) -> str:
    """The letter that stands for a face."""
    name = layout.named(view).lstrip("@")
    return next(graphemes(name), "?").upper()


def _tone(view: EntryView) -> int:
    """One of six colours, the same for a person wherever they stand."""
    return sum((view.handle or view.name).encode()) % 6
