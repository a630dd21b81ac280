"""What we write, as Mastodon takes it."""

from __future__ import annotations

from typing import Any

from adapters.mastodon import convert
from bridge.model import Media, Span, Text, Words
from bridge.text import count
from tests.adapters.test_mastodon_convert import CUT, MENTION, status


def test_outgoing_words_are_plain_and_a_direct_message_mentions_its_reader() -> None:
    text = Text("Tea & <b>cake</b>")
    assert convert.outbound(text) == "Tea & <b>cake</b>"
    assert convert.outbound(text, "ann@mastodon.example") == "@ann@mastodon.example Tea & <b>cake</b>"
    named = Text("@Ann@mastodon.example, tea")
    assert convert.outbound(named, "ann@mastodon.example") == named.plain


def test_only_who_is_meant_is_mentioned() -> None:
    plain = "Thanks @lucy@m.example, @everybody (@ann@o.example), me@o.example, https://m.example/?by=@bob"
    meant = Span(7, 22, "mention", "lucy@m.example")
    sent = convert.outbound(Text(plain, (meant,)))
    assert sent == plain.replace("@everybody", "@\u200deverybody").replace("@ann", "@\u200dann")
    assert count(sent) == count(plain), "nothing is added to what is counted"
    assert convert.says(convert.status(status(f"<p>{sent}</p>")), Words(Text(plain, (meant,))))


def ours(plain: str, **more: Any) -> Words:
    return Words(Text(plain), **more)


def test_our_words_are_known_again_in_the_servers_html() -> None:
    shown = convert.status(status(f"<p>Thanks {MENTION.format('x')} &amp; all:<br />{CUT}</p><p>Q2</p>"))
    url = "https://www.example.org/a/long/path?to=something"
    thanks = f"Thanks @ann@mastodon.example & all:\n{url}\n\nQ"
    assert convert.says(shown, ours(f"{thanks}2"))
    assert not convert.says(shown, ours(f"{thanks}3"))
    assert not convert.says(shown, ours(f"{thanks}2", warning="tea"))
    assert not convert.says(shown, ours(f"{thanks}2", media=(Media("file:///q2.png", alt="tea"),)))
    direct = convert.status(status(f"<p>{MENTION.format('x')} noted</p>"))
    assert convert.says(direct, ours("noted"), addressed=True)
    assert not convert.says(direct, ours("noted"))
