"""A transcript as files."""

from __future__ import annotations

import json
import os
from pathlib import Path

from bridge.chat.view import ChatView
from bridge.report.render import html
from bridge.report.tables import document
from bridge.report.transcript import markdown


def write(view: ChatView, every: ChatView, folder: Path) -> tuple[Path, ...]:
    """Write transcript.md, transcript.html and transcript.json into `folder`, each replaced whole. People read
    `view`, which only counts what stays in a room; the JSON accounts for `every` entry. Raises OSError if that
    cannot be done."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "transcript.md": markdown(view),
        "transcript.json": json.dumps(document(every), ensure_ascii=False, indent=1) + "\n",
        "transcript.html": html(view),
    }
    for name, text in texts.items():
        draft = folder / f".{name}.new"
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, folder / name)
    return tuple(folder / name for name in texts)
