"""What Mastodon makes of words: HTML, hashtags, mentions, and their count."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping

from wcwidth import iter_graphemes

PER_URL = 23

_LINK = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)]")
_TAG = re.compile(r"(?<![\w/&#])#(\w*[^\W\d_]\w*)")
_MENTION = re.compile(r"(?<![\w/@])@([A-Za-z0-9_]+)(?:@([\w.-]+\w))?")
_PIECE = re.compile(f"(?P<link>{_LINK.pattern})|(?P<tag>{_TAG.pattern})|(?P<mention>{_MENTION.pattern})")


def length(text: str, spoiler: str = "") -> int:
    """Mastodon's count: grapheme clusters, a link as 23, of a mention the local part, warning included."""
    text = _LINK.sub("x" * PER_URL, text)
    text = re.sub(_MENTION, lambda m: "@" + m.group(1), text)
    return sum(1 for _ in iter_graphemes(text + spoiler))


def tags(text: str) -> list[str]:
    """Hashtags in the text, lower case, each once."""
    return list(dict.fromkeys(m.group(1).lower() for m in _TAG.finditer(_LINK.sub(" ", text))))


def mentioned(text: str, host: str) -> list[tuple[str, str]]:
    """(username, host) of each mention, each once. `host`: of those that name none."""
    found = ((m.group(1).lower(), m.group(2) or host) for m in _MENTION.finditer(_LINK.sub(" ", text)))
    return list(dict.fromkeys(found))


def completed(text: str, names: Iterable[str], host: str) -> str:
    """The text as another server gets it: mentions of these local names carry their host."""
    local = set(names)
    return _MENTION.sub(
        lambda m: m.group() if m.group(2) or m.group(1).lower() not in local else f"{m.group()}@{host}", text
    )


def as_html(text: str, base: str, people: Mapping[tuple[str, str], str], *, link_tags: bool = True) -> str:
    """The content field: paragraphs, and links as Mastodon marks them up.

    `base`: the address of the server it was written on. `people`: (username, host) of who is mentioned ->
    the address of their profile; names of nobody stay words.
    """
    host = base.removeprefix("https://")

    def piece(match: re.Match[str]) -> str:
        if match["link"]:
            return shortened(match["link"])
        if match["tag"]:
            tag = match["tag"][1:]
            if not link_tags:
                return html.escape(match["tag"])
            href = f"{base}/tags/{html.escape(tag.lower())}"
            return f'<a href="{href}" class="mention hashtag" rel="tag">#<span>{html.escape(tag)}</span></a>'
        name, _, where = match["mention"][1:].partition("@")
        profile = people.get((name.lower(), where or host))
        if profile is None:
            return html.escape(match["mention"])
        return (
            f'<span class="h-card" translate="no"><a href="{profile}" class="u-url mention">'
            f"@<span>{name.lower()}</span></a></span>"
        )

    def marked(block: str) -> str:
        out, at = [], 0
        for match in _PIECE.finditer(block):
            out += [html.escape(block[at : match.start()]), piece(match)]
            at = match.end()
        return "".join([*out, html.escape(block[at:])]).replace("\n", "<br />")

    return "".join(f"<p>{marked(block)}</p>" for block in re.split(r"\n{2,}", text) if block)


def shortened(url: str) -> str:
    """A link as Mastodon shows it: scheme hidden, 30 characters, the rest hidden."""
    prefix = re.match(r"https?://(?:www\.)?", url)
    head = prefix.group() if prefix else ""
    shown, rest = url[len(head) :][:30], url[len(head) :][30:]
    return (
        f'<a href="{html.escape(url)}" target="_blank" rel="nofollow noopener" translate="no">'
        f'<span class="invisible">{head}</span><span class="{"ellipsis" if rest else ""}">'
        f'{html.escape(shown)}</span><span class="invisible">{html.escape(rest)}</span></a>'
    )


def quoting(url: str, content: str) -> str:
    """Content with the paragraph that stands for a quote where quotes are not known."""
    return f'<p class="quote-inline">RE: {shortened(url)}</p>{content}'
