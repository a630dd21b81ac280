"""The transcript as Markdown, for people who read it raw as well as rendered.

A stranger's words can never become markup, HTML or a mention: what Markdown could take for a sign is escaped,
and every "@" is followed by an invisible word joiner, so that no site that renders the file pings anybody.
"""

from __future__ import annotations

import re
from html import escape
from unicodedata import bidirectional

from bridge.chat.view import ChatView, EntryView
from bridge.model import Media, Text
from bridge.report import layout
from bridge.text import part, tame, tamed

_SIGN = re.compile(r"[\\`*_\[\]<>&~|$]")
_LINE_SIGN = re.compile(r"^([#+\-=:]|\d{1,9}(?=[.)]))")
ASK = (
    "**Ask before quoting.** These are people's own words. Each entry names its author and links home to"
    " where it was written."
)
JOINER = "\u2060"


def markdown(view: ChatView) -> str:
    """The whole chat: who answered what to which question, from where, and when."""
    blocks = [
        f"# {plain(view.title)} · #{plain(view.tag)}",
        f"{plain(view.community)} · {layout.hours(view)}"
        + (f" · hosted by {plain(layout.listed(view.hosts))}" if view.hosts else ""),
        layout.gone(view) or ASK,
        _glance(view),
        *(block for section in layout.sections(view) for block in _section(section, view)),
        f"*{layout.listed(layout.more(view))}, not shown here.*" if layout.more(view) else "",
    ]
    if layout.address(view.article):
        blocks.insert(2, f"About the article <{view.article}>")
    return "\n\n".join(block for block in blocks if block) + "\n"


def plain(words: str) -> str:
    """One line of anybody's words, as words."""
    line = " ".join(tame(words).split())
    line = _SIGN.sub(r"\\\g<0>", line).replace("@", "@" + JOINER)
    return _LINE_SIGN.sub(lambda m: m[1] + "\\" if m[1].isdigit() else "\\" + m[1], line)


def quoted(text: Text) -> str:
    """Several lines of anybody's words as a block quote."""
    text = tamed(text)
    lines, at = [], 0
    for line in text.plain.splitlines(keepends=True):
        lines.append(_line(part(text, at, at + len(line))))
        at += len(line)
    joined = "\n".join(lines).strip("\n")
    joined = re.sub(r"\n{3,}", "\n\n", joined)
    return "\n".join(f"> {line}  " if line else ">" for line in joined.split("\n")).rstrip()


def _line(text: Text) -> str:
    """One line with its links. Words and signs are escaped apart from the addresses."""
    out, at = "", 0
    for span in text.spans:
        url = layout.address(span.value) if span.kind == "link" else None
        if url is None or span.start < at:
            continue
        visible = text.plain[span.start : span.end]
        out += _SIGN.sub(r"\\\g<0>", text.plain[at : span.start]).replace("@", "@" + JOINER)
        out += f"<{url}>" if layout.disguised(visible, url) is None else f"{plain(visible)} (<{url}>)"
        at = span.end
    out += _SIGN.sub(r"\\\g<0>", text.plain[at:]).replace("@", "@" + JOINER)
    out = " ".join(out.split())
    return _LINE_SIGN.sub(lambda m: m[1] + "\\" if m[1].isdigit() else "\\" + m[1], out)


def _glance(view: ChatView) -> str:
    figures, whole = layout.statistics(view), layout.glance(view)
    busiest = (
        f" The busiest minute was {layout.moment(figures.busiest, view)}, with {figures.in_busiest}."
        if figures.busiest is not None and figures.in_busiest > 1
        else ""
    )
    if not figures.networks:
        return f"{whole}.{busiest}"
    head = ["Answers", *map(plain, figures.networks), "All", "Stay where written"]
    rows = [head, ["---"] * len(head)]
    for question in view.questions:
        numbers = dict(question.counts)
        row = (*(numbers.get(title, 0) for title in figures.networks), question.total, question.kept)
        rows.append([question.label, *map(str, row)])
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return f"{whole}.{busiest}\n\n{table}\n\nAn answer on two networks counts on each, and once in all."


def _section(section: layout.Section, view: ChatView) -> list[str]:
    question = section.question
    blocks = [f"## {section.key} {plain(section.title)}" if question else f"## {plain(section.title)}"]
    if question:
        blocks += [plain(text) for _, text in question.translations]
        if question.warning:
            blocks.append(f"Content warning: {plain(question.warning)}")
        if question.alt:
            blocks.append(f"Its picture shows: {plain(question.alt)}")
        asked = f"Asked at {layout.moment(question.posted, view)}. " if question.posted is not None else ""
        facts = [plain(layout.figures(question)), *filter(None, [layout.also(section)])]
        blocks.append(f"{asked}{'; '.join(facts)}.")
    return blocks + [block for entry in section.entries for block in _entry(entry, view)]


def _entry(entry: EntryView, view: ChatView) -> list[str]:
    when = layout.moment(entry.at, view)
    homes = [
        f"[open on {plain(source.title)}](<{source.url}>)"
        for source in entry.sources
        if layout.address(source.url)
    ]
    if entry.text is None:
        return [" · ".join([f"{plain(entry.heading)}: {plain(layout.stays(entry))}", when, *homes])]
    facts = [
        f"**{plain(entry.heading)}** {_isolated(plain(layout.named(entry)))}"
        + (" · **host**" if entry.host else ""),
        *([plain(entry.handle)] if entry.handle and entry.name else []),
        plain(layout.listed(layout.titles(entry))),
        when,
        *([f"replies to {plain(layout.answered(entry))}"] if entry.reply_to is not None else []),
        *([f"also answers {plain(layout.listed(entry.questions[1:]))}"] if len(entry.questions) > 1 else []),
        *([f"quotes [a post](<{entry.quoted}>)"] if layout.address(entry.quoted) else []),
        *(["edited"] if entry.edited else []),
        *homes,
    ]
    media = [_media(item) for item in entry.media if layout.address(item.url)]
    words = [quoted(entry.text), *media]
    return [" · ".join(facts), *(_folded(entry.warning, words) if entry.warning else words)]


def _folded(warning: str, words: list[str]) -> list[str]:
    """Words behind their content warning, as far as Markdown can fold."""
    label = escape(" ".join(tame(warning).split())).replace("@", "@" + JOINER)
    return [f"<details><summary>Content warning: {label}</summary>", *words, "</details>"]


def _isolated(name: str) -> str:
    """A name that runs from right to left does not turn round what follows it."""
    turns = any(bidirectional(character) in ("R", "AL") for character in name)
    return f"\u2068{name}\u2069" if turns else name


def _media(item: Media) -> str:
    return f"[{layout.KINDS[item.kind]}](<{item.url}>): {plain(item.alt) or 'not described'}"
