"""An invented chat with everything a page can meet: three networks, every script, hostile people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from bridge.chat.view import ChatView, EntryView, QuestionView, Source
from bridge.model import MINUTE, SECOND, Media, Span, Text
from bridge.text import marked

STARTS = 1_521_576_000 * SECOND  # Tuesday 20 March 2018, 20:00 in London
ENDS = STARTS + 60 * MINUTE
TITLES = {"mastodon": "Mastodon", "bluesky": "Bluesky", "slack": "Slack"}
QUESTIONS = (
    "What is a community of practice?",
    "How do you define your shared domain of interest?",
    "What levels of community participation might be observed within your community of practice?",
    "What are the merits of different levels of participation within your community?",
    "How can you develop public and private spaces for your community to thrive?",
    "How do you design for value with your community of practice?",
    "How do you create a rhythm for the community?",
)
ANSWERS = (
    "People who care about the same thing, learn it together and keep coming back.",
    "We wrote ours on a napkin: safer handovers at night. It has not needed a second line.",
    "A core of six, thirty who drop in, and three hundred who read.\n\nReaders matter. They carry it home.",
    "Lurking is learning. I read for a year before I said a word, and now I host.",
    "A quiet room to be wrong in, and a loud one to share what came of it.",
    "Ask every month: what did you do differently? If nobody can say, change the meeting.",
    "First Tuesday, eight o'clock, same link. Rhythm beats enthusiasm. See https://example.org/rhythm",
    "Café, gâteau et échanges: c'est là que naissent les idées 💡",
    "実践コミュニティは、同じ関心を持つ人々が学び合う場です。参加の仕方は人それぞれでよいと思います。",
    "مجتمع الممارسة هو مجموعة من الناس يتعلمون معًا ويشاركون خبراتهم.",
    "קהילה היא מקום שבו מותר לא לדעת.",
    "It is the corridor conversation, on purpose. 👩🏽‍⚕️🧑‍🔬",
)
PEOPLE = (
    ("Odile Marchetti", "@odile@ward.example"),
    ("Bram van Tiel", "bram.garden.example"),
    ("Nurse 07", "nurse-07"),
    ("Ísold Jónsdóttir", "@isold@north.example"),
    ("佐藤 みのり", "minori.clinic.example"),
    ("Midwife 03 ✅ host", "midwife-03"),
    ("ليلى حداد", "@layla@souk.example"),
    ("Tobias Quenby", "tobias.library.example"),
)


def entry(no: int, question: str | None = None, network: str = "mastodon", **more: Any) -> EntryView:
    """An entry by the person its number falls on."""
    name, handle = PEOPLE[no % len(PEOPLE)]
    heading = f"A{question[1:]} · {no}" if question else f"Hello · {no}"
    fields: dict[str, Any] = {
        "no": no,
        "heading": heading,
        "questions": (question,) if question else (),
        "sources": (source(network, str(no)),),
        "at": STARTS + (no + 4) * MINUTE,
        "text": Text(ANSWERS[no % len(ANSWERS)]),
        "name": name,
        "handle": handle,
    }
    return EntryView(**fields | more)


def source(network: str, id_: str) -> Source:
    return Source(network, TITLES[network], id_, f"https://{network}.example/post/{id_}")


def said(plain: str, *links: tuple[str, str]) -> Text:
    """Words; each of `links` is (visible words, address)."""
    spans = [Span(plain.index(words), plain.index(words) + len(words), "link", url) for words, url in links]
    return Text(plain, tuple(sorted(spans, key=lambda s: s.start)))


def questions(asked: int = 7, entries: Iterable[EntryView] = ()) -> tuple[QuestionView, ...]:
    made = []
    for n, text in enumerate(QUESTIONS, start=1):
        due = STARTS + (5 + 8 * (n - 1)) * MINUTE
        mine = [e for e in entries if f"Q{n}" in e.questions]
        tally = {t: sum(t in {s.title for s in e.sources} for e in mine) for t in TITLES.values()}
        made.append(
            QuestionView(
                f"Q{n}",
                text,
                due,
                due if n <= asked else None,
                tuple(e.no for e in mine),
                tuple(tally.items()),
                total=len(mine),
                kept=sum(e.text is None for e in mine),
            )
        )
    return tuple(made)


def chat(
    *entries: EntryView,
    asked: int = 7,
    phase: Literal["before", "open", "late", "over"] = "open",
    **more: Any,
) -> ChatView:
    fields: dict[str, Any] = {
        "id": "communities-of-practice",
        "title": "Cultivating communities of practice",
        "tag": "CCNVirtual",
        "community": "The Co-Creation Network",
        "zone": "Europe/London",
        "starts": STARTS,
        "ends": ENDS,
        "phase": phase,
        "hosts": ("Lucy Scarisbrick", "Vanessa Garrity"),
        "questions": questions(asked, entries),
        "entries": entries,
        "total": sum(not e.hidden for e in entries),
        "kept": sum(e.text is None for e in entries),
    }
    return ChatView(**fields | more)


HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=alert(1)>",
    "# heading\n> quote\n- list\n1. one\n```\ncode\n```\n[a](https://evil.example) ![b](https://evil.example/p.png)",
    "</div></article></li></ol></main><h1>Taken over</h1>",
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n***\n===\n<b>bold</b> &lt;b&gt; @everyone @ann@ward.example",
    "\u202egnitteg drawkcab\u202c \x1b[31mred\x1b[0m {{ 7*7 }} {% raw %} ${7*7}",
)


def busy() -> ChatView:
    """Forty entries and more, of every kind."""
    nets = ("mastodon", "bluesky", "slack", "mastodon", "bluesky")
    made = [entry(1, None), entry(2, None, "bluesky", name="", host=False), entry(3, None, "slack")]
    made += [entry(n, f"Q{1 + (n - 4) // 6}", nets[n % 5]) for n in range(4, 40)]
    by = {e.no: e for e in made}

    def put(no: int, **changes: Any) -> None:
        by[no] = msgspec.structs.replace(by[no], **changes)

    put(4, name="Vanessa Garrity", handle="@vanessa@ward.example", host=True)
    put(5, sources=(source("mastodon", "5"), source("bluesky", "5b")), edited=True)
    put(7, text=Text(HOSTILE[0]), name="<b>Mallory</b>", handle='"><script>alert(2)</script>')
    put(
        9,
        warning="births, frank talk",
        media=(Media("https://media.example/9.jpg", "image", "A whiteboard full of notes"),),
    )
    put(10, text=None, withheld="stays on Mastodon", name="", handle="")
    put(12, text=Text(HOSTILE[1]), name="*Name* [x](javascript:alert(1))")
    put(14, questions=("Q2", "Q3"), reply_to=12)
    put(
        16,
        text=said(
            "Our bank: https://bank.example/login and here",
            ("https://bank.example/login", "https://evil.example/x"),
        ),
    )
    put(18, text=Text("Z" + "\u0351\u0321" * 60 + "algo " + "W" * 300))
    put(20, text=Text(HOSTILE[4]), name="\u202eevil\u202c")
    put(22, text=Text(HOSTILE[3]))
    put(
        25,
        media=(
            Media("https://media.example/25.png", "image", ""),
            Media("javascript:alert(3)", "image", "x"),
        ),
    )
    put(
        27, text=marked("Our notes stand on https://example.org/notes?a=1&b=2#top and more under #CCNVirtual")
    )
    put(30, text=Text(HOSTILE[2]), name="A name that goes on and on " * 8)
    late = entry(40, "Q3", "bluesky", heading="A3, late · 40", at=ENDS + 12 * 60 * MINUTE)
    after = entry(41, None, "mastodon", heading="Late · 41", at=ENDS + 13 * 60 * MINUTE)
    return chat(
        *by.values(),
        late,
        after,
        phase="late",
        withheld=(("Slack", 6),),
        article="https://example.org/article",
    )
