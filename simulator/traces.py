"""What is left of people who asked to be forgotten, and of what hosts erased: the words, looked for in bytes.

The comparison knows a post by its letters; here any stretch of one counts that nobody else wrote, as it stands
in a file, in a message or on the page.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from simulator.compare import Finding, finding
from simulator.evidence import BRIDGE, Row, Servers
from simulator.stage import Said, Stage

STRETCH = 20  # characters; of so many in a row one can say whose they are
STEP = 10  # characters from the beginning of one to the next
FILES = ("stage/**/*", "*transcript*", "bridge.log")  # what a bridge leaves in its rehearsal's folder


def traces(servers: Servers, places: Mapping[str, bytes]) -> list[Finding]:
    """Posts of whose words something stands in one of `places`, though their author asked to be forgotten, or hosts
    erased them."""
    people = [(n, row) for n, rows in servers.items() for row in rows if row["author"] != BRIDGE]
    others = "\n".join(text for _, row in people if not _gone(row) for text in (row["text"], *_said(row)))
    found = []
    for network, row in people:
        gone = _gone(row)
        needles = set(_needles(row, others)) if gone else ()
        for place, held in places.items():
            own = place == _screen(row["author"], network)  # it is theirs to look at, and no server keeps it
            if not own and any(needle in held for needle in needles):
                why = f"{gone}, yet words of it are in {place}"
                found.append(finding((network, row["id"]), row, why))
    return found


def _gone(row: Row) -> str:
    """Why nothing of it may be left; "" if it may."""
    if row.get("forgotten"):
        return "its author asked to be forgotten"
    return "hosts erased it" if row.get("off") == "erased" else ""


def files(out: Path) -> dict[str, bytes]:
    """The bridge's files in a rehearsal's folder: journal with all that belongs to it, transcripts, log."""
    paths = {path for pattern in FILES for path in out.glob(pattern) if path.is_file()}
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(paths)}


def messages(stages: Mapping[str, Stage]) -> dict[str, bytes]:
    """What the bridge wrote on each network and has not taken back, and what it shows people there one by
    one."""
    written = {
        f"a message on {network}": b"\n".join(
            _wire(said) for said in list(stage.said.values()) if said.ours and not said.deleted
        )
        for network, stage in stages.items()
    }
    seen = {
        _screen(handle, network): shown.encode()
        for network, stage in stages.items()
        for handle, shown in getattr(stage, "screens", dict)().items()
    }
    return written | seen


def _screen(handle: str, network: str) -> str:
    return f"what {handle} alone sees on {network}"


def _wire(said: Said) -> bytes:
    raw = json.dumps(said.raw, ensure_ascii=False, default=str)
    return "\n".join((said.text, said.warning or "", *said.pictures, raw)).encode()


def _said(row: Row) -> tuple[str, ...]:
    """Everything a post said and says, without what stands around its words."""
    return (row["words"], *row.get("was", ()), row.get("warning") or "", *row.get("pictures", ()))


def _needles(row: Row, others: str) -> Iterator[bytes]:
    """Stretches that only this author wrote, as they may be spelt."""
    for text in _said(row):
        for at in range(0, len(text) - STRETCH + 1, STEP):
            stretch = text[at : at + STRETCH]
            if stretch not in others:
                for spelt in (stretch, html.escape(stretch), json.dumps(stretch)[1:-1]):
                    yield spelt.encode()
