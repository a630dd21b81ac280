"""The transcript for machines and spreadsheets. For hosts."""

from __future__ import annotations

import csv as _csv
import io
from typing import Any

from bridge.chat.view import ChatView, EntryView
from bridge.report import layout
from bridge.text import tame

FORMULA = tuple("=+-@|%\uff1d\uff0b\uff0d\uff20")  # the last four: full-width, which some take for the same
BLANK = ("\t", "\n")
COLUMNS = (
    "no", "heading", "questions", "at", "name", "handle", "networks", "host", "text", "withheld", "warning",
    "media", "quotes", "language", "edited", "reply_to", "url",
)  # fmt: skip


def document(view: ChatView) -> dict[str, Any]:
    """transcript.json. Times are UTC; `text` is null where words are withheld."""
    figures = layout.statistics(view)
    return {
        "chat": view.id,
        "title": view.title,
        "tag": view.tag,
        "community": view.community,
        "starts": layout.iso(view.starts),
        "ends": layout.iso(view.ends),
        "hosts": list(view.hosts),
        "notice": layout.gone(view) or "Ask before quoting.",
        "questions": [
            {
                "label": question.label,
                "text": question.text,
                "due": layout.iso(question.due),
                "posted": _iso(question.posted),
                "answers": dict(question.counts),
                "total": question.total,
                "kept": question.kept,
                "warning": question.warning or None,
                "picture": question.alt or None,
                "translations": dict(question.translations),
            }
            for question in view.questions
        ],
        "entries": [_entry(entry) for entry in layout.shown(view)],
        "withheld": dict(view.withheld),
        "statistics": {
            "entries": figures.entries,
            "kept": figures.kept,
            "people": figures.people,
            "networks": list(figures.networks),
            "answers": {label: dict(row) for label, row in figures.answers},
            "first": _iso(figures.first),
            "last": _iso(figures.last),
            "busiest_minute": _iso(figures.busiest),
            "in_busiest_minute": figures.in_busiest,
        },
    }


def _entry(entry: EntryView) -> dict[str, Any]:
    return {
        "no": entry.no,
        "heading": entry.heading,
        "question": entry.questions[0] if entry.questions else None,
        "questions": list(entry.questions),
        "sources": [{"network": s.network, "id": s.id, "url": s.url} for s in entry.sources],
        "name": entry.name,
        "handle": entry.handle,
        "network": layout.listed(layout.titles(entry)),
        "host": entry.host,
        "text": None if entry.text is None else entry.text.plain,
        "withheld": entry.withheld,
        "at": layout.iso(entry.at),
        "edited": entry.edited,
        "reply_to": entry.reply_to,
        "warning": entry.warning,
        "media": [{"url": m.url, "kind": m.kind, "alt": m.alt} for m in entry.media],
        "quotes": entry.quoted,
        "language": entry.language,
    }


def _iso(at: int | None) -> str | None:
    return None if at is None else layout.iso(at)


def csv(view: ChatView) -> str:
    """One row an entry, with a byte order mark, which spreadsheets need to read other than Latin letters. No
    cell can be taken for a formula."""
    out = io.StringIO(newline="")
    out.write("\ufeff")
    table = _csv.writer(out, quoting=_csv.QUOTE_ALL)
    table.writerow(COLUMNS)
    for entry in layout.shown(view):
        table.writerow(
            cell(value)
            for value in (
                str(entry.no),
                entry.heading,
                " ".join(entry.questions),
                layout.iso(entry.at),
                entry.name,
                entry.handle,
                layout.listed(layout.titles(entry)),
                "yes" if entry.host else "",
                "" if entry.text is None else entry.text.plain,
                entry.withheld or "",
                entry.warning or "",
                "\n".join(f"{m.url} {m.alt}".strip() for m in entry.media),
                entry.quoted or "",
                entry.language or "",
                "yes" if entry.edited else "",
                "" if entry.reply_to is None else str(entry.reply_to),
                next((source.url for source in entry.sources if source.url), ""),
            )
        )
    return out.getvalue()


def cell(value: str) -> str:
    """A cell that a spreadsheet reads as words: one that begins like a formula gets a leading apostrophe
    (OWASP, CSV injection)."""
    value = tame(value)
    return f"'{value}" if value.lstrip()[:1] in FORMULA or value[:1] in BLANK else value
