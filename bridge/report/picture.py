"""A picture of a chat for pages that cannot show it live: one question and a few of its answers, as SVG.

Needs nothing from elsewhere, follows the reader's light or dark setting, and is the same for the same view.
"""

from __future__ import annotations

import unicodedata

from markupsafe import escape
from wcwidth import wcwidth

from bridge.chat.view import ChatView, EntryView, QuestionView
from bridge.report import layout
from bridge.text import graphemes

WIDTH = 860
LEFT, RIGHT = 40, WIDTH - 40
LINE = 62  # x of the timeline
CARD = 92  # x where a card begins
BOLD = 0.92  # bold letters are so much wider that this much of a line is left
FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif"
KNOWN = {"Mastodon": "m", "Bluesky": "b", "Slack": "s"}
STYLE = """
svg{color-scheme:light dark}
.paper{fill:#faf9f5}.card{fill:#fff;stroke:#dfe2dc}.ink{fill:#1c2527}.soft{fill:#56666a}.accent{fill:#0f5c63}
.on{fill:#fff}.line{stroke:#c9d0cb}.m{fill:#4f46c8}.b{fill:#0a63c2}.s{fill:#7c2a70}.o{fill:#47606b}
.host{fill:none;stroke:#8a4b08}.hosted{fill:#8a4b08}
@media(prefers-color-scheme:dark){
.paper{fill:#12181a}.card{fill:#1a2224;stroke:#2c3739}.ink{fill:#e8ecea}.soft{fill:#a3b1b3}.accent{fill:#7fd0d4}
.on{fill:#0b2a2d}.line{stroke:#3a484a}.m{fill:#a9a4ff}.b{fill:#7cb8ff}.s{fill:#e6a3da}.o{fill:#a9c0ca}
.host{stroke:#f0b36b}.hosted{fill:#f0b36b}}
"""


def svg(view: ChatView, question: str | None = None, answers: int = 5) -> str:
    """The picture. `question`: its label, else the one answered from most networks. At most so many
    `answers`, every network's first among them. Raises ValueError if there is nothing to show."""
    chosen = _question(view, question)
    entries = _chosen(_answers(view, chosen), answers)
    if not entries:
        raise ValueError(f"{chosen.label} has no answer whose words may be shown.")
    parts, y = _head(view)
    drawn, y = _asked(view, chosen, y)
    parts += drawn
    top = y
    for entry in entries:
        drawn, y = _card(entry, view, y)
        parts += drawn
    if (more := chosen.total - len(entries)) > 0:
        parts.append(_text(CARD, y + 18, f"… {more} more to {chosen.label}", "soft", 14))
        y += 30
    line = f'<path class="line" d="M{LINE} {top - 14}V{y - 14}" stroke-width="3" stroke-linecap="round"/>'
    height = y + 16
    title = f"{view.title}: {chosen.label} and answers from {layout.listed(_networks(entries))}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
            f'height="{height}" role="img" aria-labelledby="title" font-family="{FONT}">',
            f'<title id="title">{escape(title)}</title>',
            f"<style>{STYLE}</style>",
            f'<rect class="paper" width="{WIDTH}" height="{height}" rx="16"/>',
            line,
            *parts,
            "</svg>\n",
        ]
    )


def _answers(view: ChatView, question: QuestionView) -> list[EntryView]:
    mine = [e for e in layout.shown(view) if layout.place(e, view) == question.label]
    return [e for e in mine if e.text is not None and not e.warning]


def _networks(entries: list[EntryView]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(title for entry in entries for title in layout.titles(entry)))


def _question(view: ChatView, label: str | None) -> QuestionView:
    for question in view.questions:
        if question.label == label:
            return question
    if label is not None or not view.questions:
        raise ValueError(f"There is no question {label or 'at all'}.")

    def worth(question: QuestionView) -> tuple[int, int]:
        answers = _answers(view, question)
        return len(_networks(answers)), len(answers)

    return max(view.questions, key=worth)


def _chosen(entries: list[EntryView], most: int) -> list[EntryView]:
    """Words on two networks first, then each network's first answer, then the rest; shown by number."""
    found: list[EntryView] = []
    merged = [e for e in entries if len(layout.titles(e)) > 1][:1]
    firsts = [next(e for e in entries if title in layout.titles(e)) for title in _networks(entries)]
    for entry in (*merged, *firsts, *entries):
        if entry not in found and len(found) < most:
            found.append(entry)
    return sorted(found, key=lambda e: e.no)


# ---------------------------------------------------------------- drawing: parts, and the next y


def _head(view: ChatView) -> tuple[list[str], int]:
    parts = [_text(LEFT, 46, view.community, "accent", 15, bold=True)]
    y = 78
    for line in _wrapped(view.title, (RIGHT - LEFT) * BOLD, 27, 2):
        parts.append(_text(LEFT, y, line, "ink", 27, bold=True))
        y += 32
    parts.append(_text(LEFT, y - 4, f"#{view.tag} · {layout.hours(view)}", "soft", 15))
    return parts, y + 24


def _asked(view: ChatView, question: QuestionView, y: int) -> tuple[list[str], int]:
    lines = _wrapped(question.text, (RIGHT - LEFT - 96) * BOLD, 20, 3)
    height = 44 + 26 * len(lines)
    parts = [f'<rect class="accent" x="{LEFT}" y="{y}" width="{RIGHT - LEFT}" height="{height}" rx="12"/>']
    parts.append(_text(LEFT + 20, y + 34, question.label, "on", 22, bold=True))
    for n, line in enumerate(lines):
        parts.append(_text(LEFT + 76, y + 33 + 26 * n, line, "on", 20, bold=True))
    asked = "" if question.posted is None else f"asked at {layout.moment(question.posted, view)}, "
    parts.append(
        _text(LEFT + 76, y + height - 14, f"{asked}answers: {layout.by_network(question)}", "on", 14)
    )
    return parts, y + height + 26


def _card(entry: EntryView, view: ChatView, y: int) -> tuple[list[str], int]:
    assert entry.text is not None
    lines = _wrapped(layout.one_line(entry.text.plain), RIGHT - CARD - 40, 16, 3)
    height = 46 + 23 * len(lines)
    parts = [
        f'<rect class="card" x="{CARD}" y="{y}" width="{RIGHT - CARD}" height="{height}" rx="12"/>',
        *_dot(entry, y + 24),
    ]
    x = RIGHT - 18.0
    for title in reversed(layout.titles(entry)):
        wide = _wide(title, 13) + 20
        colour = KNOWN.get(title, "o")
        parts.append(
            f'<rect class="{colour}" x="{x - wide:.1f}" y="{y + 12}" width="{wide:.1f}" height="22" rx="11"/>'
        )
        parts.append(_text(x - wide / 2, y + 28, title, "on", 13, anchor="middle", bold=True))
        x -= wide + 8
    facts = f"{entry.heading} · {layout.moment(entry.at, view)}"
    parts.append(_text(x - 2, y + 28, facts, "soft", 13, anchor="end"))
    room = x - CARD - 30 - _wide(facts, 13)
    name = _fitted(layout.one_line(layout.named(entry)), (room * 0.6 if entry.handle else room) * BOLD, 16)
    parts.append(_text(CARD + 18, y + 29, name, "ink", 16, bold=True))
    used = _wide(name, 16) / BOLD + 8
    if entry.host:
        parts.append(
            f'<rect class="host" x="{CARD + 18 + used:.1f}" y="{y + 14}" width="38" height="20" rx="5"/>'
        )
        parts.append(_text(CARD + 37 + used, y + 28, "host", "hosted", 13, anchor="middle"))
        used += 48
    handle = _fitted(layout.one_line(entry.handle), room - used, 13) if entry.name else ""
    if len(handle) > 4:
        parts.append(_text(CARD + 18 + used, y + 28, handle, "soft", 13))
    for n, line in enumerate(lines):
        parts.append(_text(CARD + 18, y + 55 + 23 * n, line, "ink", 16, width=RIGHT - CARD - 36))
    return parts, y + height + 14


def _dot(entry: EntryView, y: int) -> list[str]:
    """A point on the line in the network's colour; halves for words on two networks."""
    colours = [KNOWN.get(title, "o") for title in layout.titles(entry)] or ["o"]
    arms = f'<path class="line" d="M{LINE} {y}H{CARD}" stroke-width="3"/>'
    if len(colours) == 1:
        return [arms, f'<circle class="{colours[0]}" cx="{LINE}" cy="{y}" r="9"/>']
    return [
        arms,
        f'<path class="{colours[0]}" d="M{LINE} {y - 9}a9 9 0 0 0 0 18z"/>',
        f'<path class="{colours[1]}" d="M{LINE} {y - 9}a9 9 0 0 1 0 18z"/>',
    ]


def _text(
    x: float,
    y: float,
    words: str,
    colour: str,
    size: int,
    *,
    bold: bool = False,
    anchor: str = "start",
    width: float = 0,
) -> str:
    """Words at a place. With `width`, words that read from right to left begin at its far end."""
    direction = ""
    if width and _leftwards(words):
        x, direction = x + width, ' direction="rtl"'
    weight = ' font-weight="600"' if bold else ""
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return (
        f'<text class="{colour}" x="{x:g}" y="{y:g}" font-size="{size}"{weight}{place}{direction}>'
        f"{escape(words)}</text>"
    )


def _leftwards(words: str) -> bool:
    """Whether the first letter belongs to a script that runs from right to left."""
    first = next((b for b in map(unicodedata.bidirectional, words) if b in ("L", "R", "AL")), "L")
    return first != "L"


# ---------------------------------------------------------------- how wide words are, without their font


def _wide(words: str, size: int) -> float:
    """About how many pixels words take; system fonts differ by some hundredths."""
    ems = 0.0
    for character in words:
        if character in "iljtfrI.,;:'’|!()[] ":
            ems += 0.33
        elif character in "mwMW@%—…":
            ems += 0.9
        elif character.isupper():
            ems += 0.68
        else:
            ems += {0: 0.0, 2: 1.05}.get(wcwidth(character), 0.56)
    return ems * size


def _fitted(words: str, room: float, size: int) -> str:
    """Words cut to fit, with "…" if anything was left out."""
    if _wide(words, size) <= room:
        return words
    kept = ""
    for cluster in graphemes(words):
        if _wide(kept + cluster + "…", size) > room:
            break
        kept += cluster
    return kept.rstrip() + "…"


def _wrapped(words: str, room: float, size: int, most: int) -> list[str]:
    """Lines that fit, at most so many, the last one cut. Scripts without spaces break anywhere."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if _wide(longer, size) <= room:
            lines[-1] = longer
            continue
        for cluster in graphemes(word if _wide(word, size) > room else ""):
            if _wide(lines[-1] + " " * bool(lines[-1]) + cluster, size) > room:
                lines.append("")
            lines[-1] += cluster
        if _wide(word, size) <= room:
            lines.append(word)
    kept = [line for line in lines if line]
    if len(kept) > most:
        kept = [*kept[: most - 1], _fitted(" ".join(kept[most - 1 :]), room, size)]
        if not kept[-1].endswith("…"):
            kept[-1] += "…"
    return kept
