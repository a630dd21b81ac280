"""Words with spans: counting, cutting, splitting. Pure.

Lengths are in grapheme clusters, what a reader takes for one character, because Mastodon and Bluesky both
count them so (facts measured against Mastodon's source and the real PDS).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import accumulate

from msgspec.structs import replace
from wcwidth import iter_graphemes

from bridge.model import Limits, Span, Text

# Within a word, or behind one of these signs, no address begins (Mastodon's rules, which its counting follows).
# Where a pattern looks back it does so behind its first letter, by which it is found several times faster.
URL = re.compile(r"h(?<![A-Za-z0-9@＠$#＃].)ttps?://[^\s<>\"'”’]+[^\s<>\"'”’.,;:!?)\]}]")
# Vowel signs and accents that stand by themselves: in Hindi or Thai no word does without, and \w has none.
_MARKS = (
    "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0963\u0981-\u0d63"
    "\u0d81-\u0ddf\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1-\u0ece\u0f71-\u0f84\u102b-\u103e\u17b4-\u17d3\u3099\u309a"
)
TAG = re.compile(rf"[#＃](?<![\w/&#].)([\w{_MARKS}]*[^\W\d_][\w{_MARKS}]*)")
MENTION = re.compile(r"@(?<![\w/@].)([\w.-]+(?:@[\w.-]+\w)?)")
SENTENCE_END = re.compile(r"(?<=[.!?…。！？])[\"'”’)]*\s+|\n+")
_SPACE = re.compile(r"\s+")

_ADDRESSES = re.compile(f"{URL.pattern}|{MENTION.pattern}|{TAG.pattern}")
_LABEL = re.compile(r"\s*(?:re\s+)?[atq]\d{1,2}\b")
_WORD = re.compile(r"[^\W_]+")

# Characters that turn the reading direction or hide: never needed to read, always able to deceive.
_DECEPTIVE = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def graphemes(plain: str) -> Iterator[str]:
    """The grapheme clusters of a string."""
    return iter_graphemes(plain)


def count(plain: str) -> int:
    """How many grapheme clusters a string has."""
    if plain.isascii():
        return len(plain) - plain.count("\r\n")
    return sum(1 for _ in iter_graphemes(plain))


def length(text: Text, limits: Limits) -> int:
    """What a network counts for `text`, in graphemes: links and remote mentions at their reduced price."""
    total = 0
    at = 0
    for span in text.spans:
        price: int | None = None
        if span.kind == "link" and limits.url is not None:
            price = limits.url
        elif span.kind == "mention" and limits.local_mentions:
            price = count("@" + span.value.lstrip("@").split("@")[0])
        if price is not None:
            total += count(text.plain[at : span.start]) + price
            at = span.end
    return total + count(text.plain[at:])


def fits(text: Text, limits: Limits) -> bool:
    """Whether one post of this network can hold `text`."""
    if limits.bytes is not None and len(text.plain.encode()) > limits.bytes:
        return False
    return length(text, limits) <= limits.graphemes


def beside(warning: str | None, limits: Limits) -> Limits:
    """What is left of `limits` for the words under a content warning."""
    if not warning:
        return limits
    lead = limits.warning.replace("{}", warning)
    rest = None if limits.bytes is None else limits.bytes - len(lead.encode())
    return replace(limits, graphemes=limits.graphemes - count(lead), bytes=rest)


def part(text: Text, start: int, end: int | None = None) -> Text:
    """The code points `start` to `end` with the spans that lie wholly inside."""
    end = len(text.plain) if end is None else end
    spans = tuple(
        Span(s.start - start, s.end - start, s.kind, s.value)
        for s in text.spans
        if s.start >= start and s.end <= end
    )
    return Text(text.plain[start:end], spans)


def joined(*parts: Text | str) -> Text:
    """Texts one after the other, spans moved along."""
    plain, spans = "", []
    for piece in parts:
        text = Text(piece) if isinstance(piece, str) else piece
        spans += [Span(s.start + len(plain), s.end + len(plain), s.kind, s.value) for s in text.spans]
        plain += text.plain
    return Text(plain, tuple(spans))


def stripped(text: Text) -> Text:
    """Without white space at either end."""
    start = len(text.plain) - len(text.plain.lstrip())
    return part(text, start, max(start, len(text.plain.rstrip())))


def marked(plain: str, named: Collection[str] = ()) -> Text:
    """Our own words with their links and hashtags marked as such. A mention stays words, so that nobody is
    pinged, but for handles (case-folded, without "@") that are `named`."""
    spans = [Span(m.start(), m.end(), "link", m.group()) for m in URL.finditer(plain)]
    taken = [(s.start, s.end) for s in spans]
    spans += [
        Span(m.start(), m.end(), "tag", m.group(1))
        for m in TAG.finditer(plain)
        if not any(start <= m.start() < end for start, end in taken)
    ]
    spans += [
        Span(m.start(), m.start() + 1 + len(handle), "mention", handle)
        for m in MENTION.finditer(plain)
        if (handle := m.group(1).rstrip(".-")).casefold() in named
        and not any(start <= m.start() < end for start, end in taken)
    ]
    return Text(plain, tuple(sorted(spans, key=lambda s: s.start)))


def hashtags(plain: str) -> tuple[str, ...]:
    """The hashtags that stand in plain words, case-folded, without "#", each once, in order."""
    return tuple(dict.fromkeys(m.group(1).casefold() for m in TAG.finditer(URL.sub(" ", plain))))


def unaddressed(text: Text, names: Collection[str]) -> Text:
    """Without the mentions of these names (case-folded, no leading "@") that it begins with, as replies do on
    some networks; whole if nothing else is left."""
    at = 0
    for span in text.spans:
        if span.kind != "mention" or span.value.lstrip("@").casefold() not in names:
            break
        if text.plain[at : span.start].strip():
            break
        at = span.end
    if not at:
        return text
    rest = stripped(part(text, at))
    return rest if rest.plain else text


def cut(text: Text, size: int) -> Text:
    """At most `size` graphemes, the last one "…" if anything was left out; never half a link."""
    if len(text.plain) <= size or count(text.plain) <= size:
        return text
    end = 0
    for n, cluster in enumerate(graphemes(text.plain)):
        if n == size - 1:
            break
        end += len(cluster)
    for span in text.spans:  # rather drop a link whole than show half of it
        if span.start < end < span.end:
            end = span.start
    return joined(stripped(part(text, 0, end)), "…")


def split(text: Text, limits: Limits, tag: str = "") -> tuple[Text, ...]:
    """`text` as the posts of a thread, each within `limits`.

    Cuts fall at the ends of paragraphs or sentences, else between words, else between graphemes; never inside
    a link or tag. With several parts each bears "1/2" and so on, and every part the hashtag `tag`.
    """
    text = stripped(text)
    bears = not tag or tag.casefold() in hashtags(text.plain)
    single = text if bears else stripped(joined(text, " ", marked(f"#{tag}")))
    if fits(single, limits):
        return (single,)
    total = 9
    while len(parts := _parts(text, limits, tag, total)) > total:
        total = 10 * total + 9  # the mark is as long for 10 parts as for 99
    return tuple(joined(piece, _tail(piece, tag, n, len(parts))) for n, piece in enumerate(parts, start=1))


def _tail(piece: Text, tag: str, n: int, total: int) -> Text:
    """What stands at the end of part `n` of `total`."""
    bears = not tag or tag.casefold() in hashtags(piece.plain)
    return marked(f" {n}/{total}" if bears else f" #{tag} {n}/{total}")


def _parts(text: Text, limits: Limits, tag: str, total: int) -> list[Text]:
    """Cut greedily, leaving room for the longest mark that `total` parts can need."""
    mark = marked(f" #{tag} {total}/{total}" if tag else f" {total}/{total}")
    parts: list[Text] = []
    rest = text
    while rest.plain and len(parts) <= total:
        end = _room(rest, limits, mark)
        parts.append(stripped(part(rest, 0, end)))
        rest = stripped(part(rest, end))
    return parts


def _room(text: Text, limits: Limits, mark: Text) -> int:
    """How many code points of `text` the next part takes: as many whole sentences as fit, else words, else
    graphemes, so that it is at least half full. At least one grapheme, so that splitting always ends."""

    def bursts(end: int) -> bool:
        return not fits(joined(stripped(part(text, 0, end)), mark), limits)

    end = _beyond(text, max(1, limits.graphemes))
    while not bursts(end):
        if end == len(text.plain):
            return end
        end = _beyond(text, 2 * end)
    text = part(text, 0, end)  # the rest of a long text is looked at when it is its turn
    ends = list(accumulate(len(cluster) for cluster in graphemes(text.plain)))
    inside = {place for span in text.spans for place in range(span.start + 1, span.end)}
    clean = [end for end in ends if end not in inside]
    most = clean[: bisect_left(clean, True, key=bursts)]
    if not most:  # a link longer than a post
        return ends[max(0, bisect_left(ends, True, key=bursts) - 1)]
    for breaks in (SENTENCE_END, _SPACE):
        here = [m.end() for m in breaks.finditer(text.plain, 0, most[-1])]
        good = {end for end in here if end > most[-1] // 2}.intersection(most)
        if good:
            return max(good)
    return most[-1]


def _beyond(text: Text, place: int) -> int:
    """`place`, or the end of the link or tag that it lies in, or of the text."""
    inside = (span.end for span in text.spans if span.start < place < span.end)
    return min(max((place, *inside)), len(text.plain))


def tame(plain: str) -> str:
    """Without control characters and without what turns the reading direction: a stranger's text can no
    longer look like something else than it is. Joiners inside emoji and scripts stay."""
    return _DECEPTIVE.sub("", plain.replace("\r\n", "\n").replace("\r", "\n"))


def tamed(text: Text) -> Text:
    """`tame` for a Text; spans move with the characters."""
    if not _DECEPTIVE.search(text.plain) and "\r" not in text.plain:
        return text
    pieces: list[Text | str] = []
    at = 0
    for span in text.spans:
        pieces.append(tame(text.plain[at : span.start]))
        inner = tame(text.plain[span.start : span.end])
        pieces.append(Text(inner, (Span(0, len(inner), span.kind, span.value),) if inner else ()))
        at = span.end
    pieces.append(tame(text.plain[at:]))
    return joined(*pieces)


@lru_cache(maxsize=256)  # the same people write again and again
def person(name: str) -> str:
    """A display name on one line, without the emoji that could pass for a badge."""
    kept = "".join(
        c
        for c in tame(name)
        if unicodedata.category(c) not in ("So", "Sk", "Cs", "Co", "Cn") and c not in "\u200d\ufe0f"
    )
    return " ".join(re.sub(r":\w+:", " ", kept).split())


# Cyrillic, Greek and digits that pass for Latin letters; NFKD has taken care of the rest
_LOOKALIKES = str.maketrans("авекмнорстухіјѕԁԛԝɑαεικνορτυχ01|", "abekmhopctyxijsdqwaaeikvoptuxoll")


def resembles(name: str, other: str) -> bool:
    """Whether a display name could be taken for another: the same letters but for case, accents, spacing and
    letters of other scripts that look alike, with or without something added."""
    one, two = _skeleton(name), _skeleton(other)
    return bool(two) and (one == two or (len(two) >= 6 and two in one))


@lru_cache(maxsize=256)
def _skeleton(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).casefold().translate(_LOOKALIKES)
    return "".join(c for c in plain if c.isalnum())


def normalised(plain: str) -> str:
    """Words only, to see whether two networks carry the same ones: no case, links, mentions, tags, labels,
    punctuation or spacing."""
    plain = plain if plain.isascii() else unicodedata.normalize("NFKC", plain)
    plain = _ADDRESSES.sub(" ", plain.casefold())
    label = _LABEL.match(plain)
    return " ".join(_WORD.findall(plain, label.end() if label else 0))
