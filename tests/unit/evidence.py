"""What stand-in servers, bridge and page hold after a small chat in which everything went well."""

from __future__ import annotations

import html
from typing import Any, TypeAlias

from simulator.evidence import Page, gather
from simulator.figures import report
from simulator.letters import readings, searchable

Row: TypeAlias = dict[str, Any]

WORDS = {
    "m1": "Shared know-how that walks about on legs. Ask anyone in Ashmere, all 14 of us.",
    "m2": "Tea & trust <3 in Millbeck, 9 mugs, and a café called «Öl».",
    "m3": "Followers only: the Foxcombe group may close, 5 are left.",
    "m4": "Somebody who opted out in Garthdale said 77 things.",
    "m5": "A thing that I soon took back, in Kirkmuir, 31 times.",
    "m6": "Soup for 12 in Oakhanger, nothing to do with the chat.",
    "m7": "Said before I asked to be left out, in Rushmoor, 44 of us.",
    "m8": "Same words on two networks, whatever the weather in Marlsea, 21 people.",
    "b1": "実践共同体とは、23人が仕事の知恵を持ち寄って学び合う場だと思います。Venlowの私たちもそうです。",
    "b2": "Corrected: 61 of us in Pendreth, and the domain moved with us.",
    "b3": "Same words on two networks, whatever the weather in Marlsea, 21 people.",
    "s1": "Only for this room, says Quarrington, 18 times a week.",
    "s2": "This one agreed to leave the room, greetings from Tregarth, 52.",
}
OLD = "Before the correction it was 16 of us in Saltwick."


def person(id_: str, **fields: Any) -> Row:
    words = WORDS[id_]
    base = {
        "id": id_,
        "author": f"nurse-{id_}",
        "text": f"A1 {words} #CCNVirtual",
        "words": words,
        "belongs": True,
        "audience": "room" if id_[0] == "s" else "public",
        "opted_out": False,
        "deleted": False,
        "edited": False,
        "question": ["Q1"],
        "was": [],
    }
    return base | fields


def bridge(id_: str, text: str, **fields: Any) -> Row:
    base = {"id": id_, "author": "bridge", "text": text, "words": "", "belongs": False, "audience": "public"}
    return base | {"opted_out": False, "deleted": False, "edited": False, "real": 1.0} | fields


def servers() -> dict[str, list[Row]]:
    """What the stand-ins hold after a chat in which everything went well."""
    question = {"question": "Q1"}
    return {
        "mastodon": [
            bridge("mq", "Q1 What is it?", real=5.000, **question),
            person("m1"),
            person("m2"),
            person("m3", audience="limited"),
            person("m4", opted_out=True),
            person("m5", deleted=True),
            person("m6", belongs=False, question=None),
            person("m7", opted_out=True, withdrawn=True),
            person("m8"),
        ],
        "bluesky": [
            bridge("bq", "Q1 What is it?", real=5.012, **question),
            person("b1", question=[]),
            person("b2", edited=True, was=[OLD]),
            person("b3"),
        ],
        "slack": [
            bridge("sq", "Q1 What is it?", real=5.020, **question),
            person("s1"),
            person("s2", consent=True),
            *(bridge(f"c{id_}", f"A1 · 1 nurse {WORDS[id_]}") for id_ in ("m1", "b1", "b2", "m8")),
            bridge("cm2", f"A1 · 2 {html.escape(WORDS['m2'])}"),
            bridge("cm7", f"A1 · 9 {WORDS['m7']}", deleted=True),
        ],
    }


NETWORK = {"m": "mastodon", "b": "bluesky", "s": "slack"}


def entry(no: int, text: str | None, *ids: str, question: str | None = "Q1") -> Row:
    sources = [{"network": NETWORK[i[0]], "id": i} for i in ids]
    return {"no": no, "question": question, "sources": sources, "text": text, "name": "Nurse"}


def transcript() -> Row:
    return {
        "entries": [
            entry(1, f"A1 {WORDS['m1']} #CCNVirtual", "m1"),
            entry(2, WORDS["m2"], "m2"),
            entry(3, None, "m4"),
            entry(4, None, "m3"),
            entry(5, WORDS["b1"], "b1", question=None),
            entry(6, WORDS["b2"], "b2"),
            entry(7, WORDS["m8"], "m8", "b3"),
            entry(8, None, "s1"),
            entry(9, WORDS["s2"], "s2"),
        ]
    }


def page(*ids: str, once: tuple[str, ...] = ("m5", "m7")) -> Page:
    """A page that shows these posts at the end, and showed others for a while."""
    final = "".join(f"<p>{html.escape(WORDS[i])[:400]}</p>" for i in ids)
    return Page(ever=searchable([final, *(WORDS[i] for i in once)]), final=readings(final))


OPEN = ("m1", "m2", "b1", "b2", "m8", "s2")


def compared(rows: Any, document: Any, shown: Page | None = None) -> dict[str, Any]:
    return report(gather(rows, document, shown or page(*OPEN)))


def reasons(found: list[Row]) -> set[tuple[str, str]]:
    return {(f["id"], f["why"]) for f in found}
