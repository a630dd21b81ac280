"""What the run sheet's items say on each network. Pure.

Everybody's texts take {page} {others} {tag} {title}. A sentence about {page} is left out where there is no
page, one about {others} where there is no other network; what is left must read well, so no default text says
two things in one sentence. A leading "@" is taken off names: nothing we write by plan pings anybody but hosts.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

from msgspec.structs import replace

from bridge import when
from bridge.chat.runsheet import Kind
from bridge.model import Leaflet, Limits, Media, Micros, Text, Value, Words
from bridge.settings import Chat, Community, Net, Question
from bridge.text import MENTION, SENTENCE_END, URL, beside, cut, hashtags, length, marked, split

Figures: TypeAlias = tuple[
    tuple[str, tuple[tuple[str, int], ...]], ...
]  # (label, ((network's name, answers), …))

PLACEHOLDERS = ("page", "others", "tag", "title")
_TITLE_ENDING = re.compile(r"\{title\}[.,!]")  # nothing more where the title has its own end
ENDS = (".", "?", "!", "…", "。", "？", "！")
_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_BEGINS_A_NAME = re.compile(r"(?<![A-Za-z0-9_/])@+(?=\w)")

# Our own texts, sentence by sentence; in braces, beside everybody's placeholders, what `plain` supplies.
Template: TypeAlias = str | tuple[str, ...]

ANNOUNCEMENT = (
    "Join us for {tag}: {title}.",
    "{when}.",
    "{notice}",
    "Everyone is welcome.",
    "{hosts}",
    "We also meet on {others}.",
    "{article}",
)
REMINDER = ("In {lead}: {title}, with {tag}.", "{when}.", "See you there!")
_KIND = (
    "Be kind.",
    "No recognisable patients or colleagues.",
    "Describe your pictures.",
    "A question of your own?",
    "Start it 'Q:'.",
)
WELCOME = (
    "Welcome to {tag}!",
    "{first}",
    "New? Say hello.",
    "Follow us and answer by replying, starting A1, A2 …, and keep the tag.",
    *_KIND,
    "Others answer on {others}.",
    "All together: {page}.",
    "{last}",
)
ROOM_WELCOME = (
    "Welcome to {title}!",
    "{first}",
    "New? Say hello.",
    "Answer right here, starting A1, A2 and so on.",
    *_KIND,
    "All together: {page}.",
    "{last}",
)
RECAP = "{label}: {total}.{figures}\nAll together: {page}"
CLOSING = (
    "Thank you, everyone!",
    "That was {tag}: {title}.",
    "Late answers are welcome until {late}.",
    "Start them A1, A2 and so on, and keep the tag.",
    "All together: {page}.",
)
ROOM_CLOSING = (
    "Thank you, everyone!",
    "That was {title}.",
    "Late answers are welcome here until {late}.",
    "All together: {page}.",
)
NOTICE = "Public answers also show on {places}, unless you add #nobridge or {stop}."
PAGELESS_NOTICE = (
    "Public answers also show on {places} and in the transcript, unless you add #nobridge or {stop}."
)
BRIEF_NOTICE = "Yours show there too, unless you add #nobridge or {stop}."
ALONE_NOTICE = "Public answers go into the transcript, unless you add #nobridge or {stop}."
STOP = {True: "message us 'stop'", False: "mention us, saying only 'stop'"}  # by `Net.direct`
ROOM_NOTICE = "Answers from {others} arrive here."
ROOM_NOTICES = {  # by `Net.public`, and whether replies may be sent out
    ("ask", True): "Yours stay in this channel unless you press Show on page or Send.",
    ("ask", False): "Yours stay in this channel unless you press Show on page.",
    ("yes", True): "Yours show on the page too, unless you tell us 'stop'.",
    ("yes", False): "Yours show on the page too, unless you tell us 'stop'.",
    ("no", True): "Yours stay in this channel unless you press Send.",
    ("no", False): "Yours stay in this channel.",
}


def plain(
    kind: Kind,
    *,
    chat: Chat,
    community: Community,
    net: Net,
    label: str = "",
    text: str = "",
    figures: Figures = (),
    lead: Micros = 0,
) -> str:
    """The words of one item on one network, complete, not yet cut to its limit.

    `label` and `text`: of a question ("Q3"), a recap's heading, what the hosts say. `figures`: answers per
    question and network, for a recap. `lead`: how long before the start a reminder goes out, microseconds.
    """
    zone = community.zone
    template: Template = text
    own: dict[str, str] = {}
    match kind:
        case "announcement":
            template = ANNOUNCEMENT
            own["when"] = when.moment(chat.starts, zone, chat.ends)
            hosts = f"Your host{'s' * (len(chat.hosts) > 1)}: {listed([h.name for h in chat.hosts])}."
            own["hosts"] = hosts if chat.hosts else ""
            own["article"] = f"To read before: {chat.article}" if chat.article else ""
            own["notice"] = notice(chat, community, net)
        case "reminder":
            template = REMINDER
            own |= {"lead": when.span(lead), "when": when.moment(chat.starts, zone)}
        case "welcome":
            told = chat.announce is not None
            words = notice(chat, community, net, brief=told and not chat.welcome)
            if chat.welcome:
                template = chat.welcome if told else f"{chat.welcome} {{last}}"
            else:
                template = ROOM_WELCOME if net.mirror else WELCOME
            early = not told and not chat.welcome
            own |= {"first": words if early else "", "last": "" if early else words}
        case "question":
            template = _question(label, text, chat)
        case "recap":
            template = RECAP
            own |= {"label": label or "So far", **_counted(figures, community)}
        case "closing":
            template = chat.closing or (ROOM_CLOSING if net.mirror else CLOSING)
            own["late"] = when.moment(chat.late_until, zone)
        case "say":
            pass
    return _filled(template, chat, community, net, own)


def tag(chat: Chat, net: Net) -> str:
    """The hashtag that every post needs on a network; "" in a room, where a post belongs without it."""
    return "" if net.mirror else chat.hashtag


def parts(plain: str, limits: Limits, tag: str, named: Collection[str] = ()) -> tuple[Text, ...]:
    """`plain` as the posts of a thread within `limits`, links, hashtags and the handles `named` marked, each
    bearing `tag` unless that is empty."""
    return split(marked(plain, named), limits, tag)


def handles(chat: Chat, net: Net) -> frozenset[str]:
    """The hosts' handles on a network, case-folded, without "@": theirs alone are real mentions, in our own texts.
    In a room people are named by id."""
    found = (h.casefold().lstrip("@") for host in chat.hosts for name, h in host.handles if name == net.name)
    return frozenset() if net.mirror else frozenset(found)


class Part(Value, frozen=True):
    """One post of an item. `after`: the part it replies to; None for the first. `credit`: it has the line that names
    who asked."""

    words: Words
    after: int | None = None
    credit: bool = False


def posts(
    kind: Kind,
    *,
    chat: Chat,
    community: Community,
    net: Net,
    limits: Limits,
    label: str = "",
    text: str = "",
    instead: str = "",
    figures: Figures = (),
    lead: Micros = 0,
) -> tuple[Part, ...]:
    """One item as the posts of a thread on one network, each within `limits`: its words, its picture on the
    first of them, and under that what it says in other languages, each as a thread of its own.

    Takes what `plain` takes, and what `planned` does.
    """
    question = planned(chat, label, text, instead) if kind == "question" else None
    warning = (question.warning if question else None) or chat.warning
    if warning:
        warning = _half(warning, limits)
    made: list[Part] = []
    for language, words in ((community.language, text), *(question.translations if question else ())):
        said = plain(
            kind,
            chat=chat,
            community=community,
            net=net,
            label=label,
            text=words,
            figures=figures,
            lead=lead,
        )
        after = 0 if made else None
        for piece in parts(said, beside(warning, limits), tag(chat, net), handles(chat, net)):
            media = () if made or question is None else picture(question)
            leaflet = None if media else _leaflet(piece, chat, community)
            made.append(Part(Words(piece, warning, language, media, leaflet), after))
            after = len(made) - 1
    return tuple(made)


def _half(warning: str, limits: Limits) -> str:
    """As much of a content warning as leaves half a post to the words."""
    room = limits.graphemes // 2
    while len((short := cut(Text(warning), room).plain).encode()) * 2 > (limits.bytes or math.inf):
        room //= 2
    return short


def used(words: Words, limits: Limits) -> int:
    """What a network counts of one post, with its content warning, in graphemes."""
    return length(words.text, limits) + limits.graphemes - beside(words.warning, limits).graphemes


def planned(chat: Chat, label: str, text: str, instead: str = "") -> Question | None:
    """The question of the config that goes out as `label` with these words, or with these in place of its own
    (`instead`): then without the translations, which say something else. None for one that a host asked."""
    question = next((q for n, q in enumerate(chat.questions, 1) if label == f"Q{n}"), None)
    if question is None or question.text == text:
        return question
    return replace(question, text=text, translations=()) if instead == question.text else None


def picture(question: Question) -> tuple[Media, ...]:
    """A question's picture, if it has one."""
    if question.image is None:
        return ()
    return (Media(_address(question.image), "image", question.alt or "", question.digest),)


def _address(path: str) -> str:
    """An absolute path as a `file:` address (RFC 8089)."""
    plain = b"/-._~" + string.ascii_letters.encode() + string.digits.encode()
    return "file://" + "".join(chr(b) if b in plain else f"%{b:02X}" for b in path.encode())


def _leaflet(text: Text, chat: Chat, community: Community) -> Leaflet | None:
    """What a post says of the page it links to first, if that is one we know: the chat's, or its article."""
    first = next((span.value for span in text.spans if span.kind == "link"), None)
    if first is not None and first == community.page:
        return Leaflet(first, chat.title, community.name)
    if first is not None and first == chat.article:
        return Leaflet(first, f"To read before: {chat.title}", community.name)
    return None


def notice(chat: Chat, community: Community, net: Net, *, brief: bool = False) -> str:
    """The sentence that tells people where their words go, in the first post of a chat and in our welcome.
    The config can reword it, never drop it. `brief`: the words before it end with the page."""
    rooms = dict.fromkeys(n.title for n in community.networks if n.mirror)
    places = listed([*rooms, *([community.page] if community.page else [])])
    template: Template
    if chat.notice:
        template = chat.notice
    elif net.mirror:
        sends = community.outward == "asked" and any(n.post and not n.mirror for n in community.networks)
        template = (ROOM_NOTICE, ROOM_NOTICES[net.public if community.page else "no", sends])
    elif places and not community.page:
        template = PAGELESS_NOTICE
    elif places:
        template = BRIEF_NOTICE if brief else NOTICE
    else:
        template = ALONE_NOTICE
    return _filled(template, chat, community, net, {"places": places, "stop": STOP[net.direct]})


def unknown_placeholders(template: str) -> tuple[str, ...]:
    """Names in braces that no text can fill, in order."""
    return tuple(name for name in _PLACEHOLDER.findall(template) if name not in PLACEHOLDERS)


def listed(names: Sequence[str]) -> str:
    """ "Mastodon", "Bluesky and Slack", "Mastodon, Bluesky and Slack"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


# ---------------------------------------------------------------- the pieces


def _others(community: Community, net: Net) -> list[str]:
    """The titles of the other networks, each platform once: a second server of the same kind is no news."""
    titles = {n.kind: n.title for n in reversed(community.networks) if n.kind != net.kind}
    return [titles[kind] for kind in dict.fromkeys(n.kind for n in community.networks) if kind in titles]


def _question(label: str, text: str, chat: Chat) -> str:
    """ "Q3 What …? #Tag"."""
    bears = chat.hashtag.casefold() in hashtags(text) or "{tag}" in text
    return f"{label} {text}".strip() + ("" if bears else " {tag}")


def _counted(figures: Figures, community: Community) -> dict[str, str]:
    """The total and a line for each question; networks without an answer to it are not named."""
    titles = {n.name: n.title for n in community.networks}
    lines = []
    for label, counts in figures:
        some = ", ".join(f"{titles.get(name, name)} {n}" for name, n in counts if n)
        lines.append(f"\n{label}: {some or 'none yet'}")
    total = sum(n for _, counts in figures for _, n in counts)
    answers = "no answers yet" if not total else f"{total} answer{'s' * (total != 1)}"
    return {"total": answers, "figures": "".join(lines)}


def _filled(template: Template, chat: Chat, community: Community, net: Net, own: Mapping[str, str]) -> str:
    """The template with its placeholders filled in one pass, so that nothing filled in is taken for one;
    other braces stand as they are."""
    common = {
        "page": community.page or "",
        "others": listed(_others(community, net)),
        "tag": f"#{chat.hashtag}",
        "title": chat.title,
    }
    values = {**common, **own}
    kept = without(template, [name for name in ("page", "others") if not common[name]])
    if chat.title.endswith(ENDS):
        kept = [_TITLE_ENDING.sub("{title}", sentence) for sentence in kept]
    filled = [_PLACEHOLDER.sub(lambda m: values.get(m[1], m[0]), sentence) for sentence in kept]
    said = "".join(sentence for sentence in filled if sentence.strip()).strip()
    return unpinging(said, handles(chat, net))


def without(template: Template, missing: Sequence[str]) -> list[str]:
    """The sentences of a template, each with the space after it, that need no `missing` placeholder."""
    if isinstance(template, str):
        starts = [0, *(m.end() for m in SENTENCE_END.finditer(template)), len(template)]
        sentences = [template[a:b] for a, b in pairwise(starts)]
    else:
        sentences = [f"{sentence} " for sentence in template]
    return [s for s in sentences if not any(f"{{{name}}}" in s for name in missing)]


def unpinging(plain: str, named: Collection[str] = ()) -> str:
    """Names without the "@" that would notify their owners, but for the handles `named`; links stay as they
    are. A server may see a name where we see none, behind a second "@" or a sign: all go that begin a word."""
    kept = [m.span() for m in URL.finditer(plain)]
    kept += [m.span() for m in MENTION.finditer(plain) if m[1].rstrip(".-").casefold() in named]

    def bare(match: re.Match[str]) -> str:
        return match[0] if any(start <= match.start() < end for start, end in kept) else ""

    return _BEGINS_A_NAME.sub(bare, plain)
