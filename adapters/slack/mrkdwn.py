"""mrkdwn, Slack's markup of a message's `text`, as the bridge's words. Pure.

Control sequences `<…>`, the escapes `&amp; &lt; &gt;`, `:emoji:` and emphasis: none of it survives in
`Text.plain`, which is what a reader of the channel sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from rich.emoji import Emoji

from bridge.model import Span, Text
from bridge.text import hashtags, joined

_SEQUENCE = re.compile(r"<([^<>]*)>")
# For each mark: a sequence (left alone), or words between two of the mark. Linear in the text's length.
_EMPHASIS = [
    re.compile(rf"(<[^<>]*>)|(?<![\w*_~]){m}(?!\s)((?:<[^<>]*>|[^<>\n{m}])+)(?<!\s){m}(?![\w*_~])")
    for m in (r"\*", "_", "~")
]
_SKIN = re.compile(r":skin-tone-([2-6]):")


def text(raw: str, names: Mapping[str, str]) -> Text:
    """The words of a `text`. `names`: how to call the users it mentions, by id."""
    return joined(*(_piece(is_sequence, piece, names) for is_sequence, piece in _pieces(raw)))


def sequences(raw: str) -> list[str]:
    """What stands between `<` and `>`: mentions, channels, links."""
    return _SEQUENCE.findall(raw)


def tags(raw: str) -> tuple[str, ...]:
    """Hashtags people typed; the names of channels are none."""
    return hashtags(" ".join(unescaped(piece) for is_sequence, piece in _pieces(raw) if not is_sequence))


def link(url: str, label: str) -> Text:
    """A link; under its address if its words look like the address of somewhere else."""
    if not url.startswith(("http://", "https://")):  # mailto:, tel:, or a bare "<" … ">" of something else
        return Text(label or url)
    shown = label if label and not _disguised(label, url) else url
    return Text(shown, (Span(0, len(shown), "link", url),))


def mention(name: str) -> Text:
    """Somebody who is spoken to."""
    return Text(f"@{name}", (Span(0, len(name) + 1, "mention", name),))


def emoji(words: str) -> str:
    """`:tada:` as 🎉; a workspace's own emoji keep their names."""
    if words.count(":") < 2:
        return words
    return Emoji.replace(_SKIN.sub(lambda m: chr(0x1F3FB + int(m[1]) - 2), words))


def unescaped(words: str) -> str:
    """The three characters that Slack escapes, as they were typed."""
    return words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _pieces(raw: str) -> Iterator[tuple[bool, str]]:
    """Words and control sequences in turn."""
    for n, piece in enumerate(_SEQUENCE.split(_plain(raw))):
        if piece:
            yield bool(n % 2), piece


def _plain(raw: str) -> str:
    """Without the marks of bold, italic and struck words, which can enclose each other."""
    for marked in (*_EMPHASIS, *_EMPHASIS):
        raw = marked.sub(lambda m: m[1] or m[2], raw)
    return raw


def _piece(is_sequence: bool, piece: str, names: Mapping[str, str]) -> Text:
    if not is_sequence:
        return Text(unescaped(emoji(piece)))
    target, _, label = piece.partition("|")
    label = unescaped(label)
    if target.startswith("@"):
        return mention(names.get(target[1:]) or label.lstrip("@") or target[1:])
    if target.startswith("#"):  # a channel, not a hashtag
        return Text(f"#{label or target[1:]}")
    if target.startswith("!"):  # <!here>, <!subteam^S1|@nurses>, <!date^0^{date}|20 March>
        return Text(label or f"@{target[1:].partition('^')[0]}")
    return link(unescaped(target), label)


def _disguised(label: str, url: str) -> bool:
    """Whether a link's words look like the address of somewhere else."""
    claim = re.fullmatch(r"\s*(?:https?://)?([\w-]+(?:\.[\w-]+)+)(?:[/:?#]\S*)?\s*", label)
    return bool(claim) and claim is not None and claim[1].casefold() != (urlsplit(url).hostname or "")
