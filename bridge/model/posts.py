"""What people write."""

from __future__ import annotations

from typing import Literal, TypeAlias

from bridge.model.values import Account, Micros, Network, Value


class Ref(Value, frozen=True):
    """Where one acts on a post: opaque outside the adapter of `network`."""

    network: Network
    id: str


class Span(Value, frozen=True):
    """A stretch of `Text.plain`, in code points, end exclusive. `value`: a link's address, a mention's handle
    (without "@"), a tag (without "#"), an emoji's picture address."""

    start: int
    end: int
    kind: Literal["link", "mention", "tag", "emoji"]
    value: str


class Text(Value, frozen=True):
    """Plain words plus spans, sorted and not overlapping. The plain string alone is always readable."""

    plain: str = ""
    spans: tuple[Span, ...] = ()


class Media(Value, frozen=True):
    """A picture, video or file by address; the bytes are never kept. One of ours, to be posted, is a `file:`
    address with the SHA-256 `digest` (hex) its bytes had when the config was read."""

    url: str
    kind: Literal["image", "video", "audio", "file"] = "image"
    alt: str = ""
    digest: str = ""


class Author(Value, frozen=True):
    """Who wrote a post, as the network shows them. `handle` is complete ("@ann@mastodon.example")."""

    account: Account
    handle: str
    name: str = ""
    url: str | None = None
    avatar: str | None = None
    bot: bool = False
    mark: str = ""  # stands for a name that was taken out: equal names have equal marks


class Wishes(Value, frozen=True):
    """What an author asks of bridges: their profile's words, or what they told us."""

    nobridge: bool = False
    nobot: bool = False  # keeps the words inside their network
    links: tuple[str, ...] = ()  # addresses in the profile, to recognise the same person elsewhere


# public: anyone may read it. quiet: so, but not in public timelines. limited: followers and the like.
# direct: a message to named accounts. room: written in a workspace's channel (Slack).
Reach: TypeAlias = Literal["public", "quiet", "limited", "direct", "room"]


class Post(Value, frozen=True):
    """What a person wrote on a network.

    `uri` says what it is (the same status seen on two servers has one uri), `ref` where one acts on it.
    `version` is opaque; `edited` orders two versions of one post (0: never edited). `at` is the time the post
    claims for itself, `seen` the time its network showed it.
    """

    ref: Ref
    uri: str
    author: Author
    text: Text
    at: Micros
    seen: Micros
    version: str = ""
    edited: Micros = 0
    reach: Reach = "public"
    reply_to: Ref | None = None
    root: Ref | None = None  # the first post of its thread, where the network says so
    quotes: tuple[Ref, ...] = ()
    quoted: str | None = None  # the page of what it quotes
    tags: tuple[str, ...] = ()  # hashtags without "#", case-folded, from facets, tag lists and bare text
    mentions: tuple[Account, ...] = ()
    media: tuple[Media, ...] = ()
    warning: str | None = None  # a content warning: stays folded
    language: str | None = None
    url: str | None = None  # the post's page, "home"
    original: str | None = None  # uri, or page, of what a verified bridge account copied
    whose: Account = ""  # who wrote that, where it is known
    mark: str = ""  # stands for words that were taken out: equal words have equal marks
    erased: bool = False  # taken out when somebody asked for that: until then they could be read
