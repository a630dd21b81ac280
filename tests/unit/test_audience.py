"""Who may see what: the table of the product's page, row by row, and everything that changes it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest

from bridge.chat.audience import Audience
from bridge.chat.state import Configured
from bridge.chat.view import EntryView
from bridge.model import AuthorGone, Gathered, Media, Post, Publish, Words
from bridge.report.from_journal import newest
from bridge.settings import Net
from tests.unit.make import HOST, LIMITS, LONG, NETS, STARTS, Hour, community, person, post

AUDIENCES: tuple[Audience, ...] = ("hosts", "slack", "page")
Sees = Literal["words", "line", "nothing"]


def hour_with(*posts: Post, public: Literal["ask", "yes", "no"] = "ask", known: bool = True) -> Hour:
    networks = (*NETS[:2], msgspec.structs.replace(NETS[2], public=public))
    hour = Hour(community(networks=networks))
    hour.until(6)
    hour.write(*posts, known=known)
    return hour


def seen(hour: Hour, what: Post, audience: Audience) -> EntryView | None:
    entry = hour.entry(what)
    return hour.session.entry("handovers", entry.no, audience) if entry else None


def sees(hour: Hour, what: Post, audience: Audience) -> Sees:
    view = seen(hour, what, audience)
    if view is None:
        return "nothing"
    return "line" if view.text is None else "words"


def table(hour: Hour, what: Post) -> tuple[Sees, ...]:
    return tuple(sees(hour, what, audience) for audience in AUDIENCES)


def said(network: str = "mastodon", words: str = "A1: secret #WardChat", **more: Any) -> Post:
    return post("1", words, network=network, at=STARTS + 6 * 60_000_000, **more)


# ---------------------------------------------------------------- the table


@pytest.mark.parametrize(
    ("what", "public", "expected", "in_slack"),  # in Slack: its words, or that it stays where it is
    [
        # publicly on Mastodon or Bluesky: everybody
        (said(), "ask", ("words", "words", "words"), True),
        (said(reach="quiet"), "ask", ("words", "words", "words"), True),
        (said("bluesky"), "no", ("words", "words", "words"), True),
        # in Slack: as its author and the config say; it needs no copy there
        (said("slack"), "ask", ("words", "words", "line"), False),
        (said("slack"), "no", ("words", "words", "line"), False),
        (said("slack"), "yes", ("words", "words", "words"), False),
        # not publicly, or opted out: no words, and nothing at all where anybody reads
        (said(reach="limited"), "yes", ("line", "line", "nothing"), False),
        (said(reach="direct"), "yes", ("line", "line", "nothing"), False),
        (said(words="A1: secret #WardChat #nobridge"), "yes", ("line", "line", "nothing"), False),
    ],
)
def test_the_table(what: Post, public: Any, expected: tuple[Sees, ...], in_slack: bool) -> None:
    hour = hour_with(what, public=public)
    assert table(hour, what) == expected
    assert bool(hour.mirrored()) is in_slack
    assert [c.withheld for c in hour.cards() if c.withheld] == (
        ["1 answer stays on Mastodon"] if expected[0] == "line" else []
    )
    assert [
        o.network for o in hour.orders if isinstance(o.op, Publish) and "secret" in repr(o.op.content)
    ] == (["slack"] if in_slack else []), "never on another network"


@pytest.mark.parametrize("wishes", [{"nobridge": True}, {"nobot": True}])
def test_a_profile_that_opts_out(wishes: Any) -> None:
    what = said()
    hour = Hour()
    hour.until(6)
    hour.wishes(what.author.account, **wishes)
    hour.write(what)
    assert table(hour, what) == ("line", "line", "nothing")
    assert hour.mirrored() == {}
    (card,) = hour.cards()
    assert (card.withheld, card.name, card.handle, card.avatar) == (
        "1 answer stays on Mastodon",
        "",
        "",
        None,
    )


def test_who_opts_out_later_leaves_no_name_on_a_message() -> None:
    """An update cannot take the name off a message: it goes, and a line without a name comes."""
    what = said()
    hour = hour_with(what)
    (standing,) = [place for place, m in hour.standing["slack"].items() if isinstance(m, Gathered)]
    hour.wishes(what.author.account, nobridge=True)
    assert standing not in hour.standing["slack"]
    (card,) = hour.cards()
    assert (card.withheld, card.name) == ("1 answer stays on Mastodon", "")


def test_until_wishes_are_known_only_hosts_see() -> None:
    what = said()
    hour = hour_with(what, known=False)
    assert table(hour, what) == ("words", "nothing", "nothing")
    assert hour.mirrored() == {}
    hour.wishes(what.author.account)
    assert table(hour, what) == ("words", "words", "words")
    assert list(hour.mirrored()) == [1]


def test_where_words_stay_there_is_a_link_and_no_word() -> None:
    what = said(
        reach="limited", warning="secret", media=(Media("https://a.example/secret.png", alt="secret"),)
    )
    hour = hour_with(what)
    view = seen(hour, what, "hosts")
    assert view is not None
    assert (view.withheld, view.sources[0].url, view.heading) == ("stays on Mastodon", what.url, "A1 · 1")
    assert (view.text, view.warning, view.media, view.name, view.handle) == (None, None, (), "", "")
    assert "secret" not in repr(view)


def test_the_page_counts_what_stays_in_slack() -> None:
    hour = hour_with(
        *(post(str(n), f"A1: {n}", network="slack", at=STARTS + 6 * 60_000_000) for n in range(6))
    )
    view = hour.session.view("handovers", "page", hour.now)
    assert (view.entries, view.withheld) == ((), (("Slack", 6),))


def test_everybody_is_told_the_same_figures_and_how_much_of_them_stays_elsewhere() -> None:
    at = STARTS + 6 * 60_000_000
    hour = hour_with(
        post("1", f"A1: {LONG} #WardChat", at=at),
        post("1", f"A1: {LONG} #WardChat", network="bluesky", at=at),  # the same, once more
        post("2", "A1: private #WardChat", reach="limited", at=at),
        post("3", "A1: among us", network="slack", at=at),
        post("4", "A1: look https://a.example #WardChat", by="stranger", at=at),  # held
        post("5", "A1: hidden #WardChat", by="midwife", at=at),
        post("6", "A1: two at once, A2 #WardChat", by="midwife", at=at),
    )
    hour.command("hide", "5")
    views = {audience: hour.session.view("handovers", audience, hour.now) for audience in AUDIENCES}
    assert {v.questions[0].counts for v in views.values()} == {
        (("Mastodon", 4), ("Bluesky", 1), ("Slack", 1))
    }
    assert {(v.questions[0].total, v.total) for v in views.values()} == {(5, 5)}
    kept = {audience: (v.questions[0].kept, v.kept) for audience, v in views.items()}
    assert kept == {"hosts": (1, 1), "slack": (2, 2), "page": (3, 3)}
    assert hour.session.board("handovers", hour.now).entries == 5
    every = hour.session.view("handovers", "page", hour.now, every=True)
    assert (every.total, every.kept) == (5, 3)


def test_the_board_counts_none_of_what_hosts_took_off() -> None:
    hour = hour_with(*(post(str(n), f"A1: {n} #WardChat", by=f"nurse-0{n}") for n in (1, 2, 3)))
    hour.command("hide", "1")
    hour.command("block", "2")
    board = hour.session.board("handovers", hour.now)
    assert (board.entries, board.people) == (1, 1)
    assert hour.session.view("handovers", "page", hour.now).total == 1


def test_networks_stand_in_the_configs_order_whatever_the_order_was() -> None:
    what = said(), said("bluesky", "A1: another #WardChat")
    hour = hour_with(*what)
    hour.event(Configured(community(networks=(NETS[1], NETS[0]))))
    (question, *_) = hour.session.view("handovers", "page", hour.now).questions
    assert question.counts == (("Bluesky", 1), ("Mastodon", 1))


# ---------------------------------------------------------------- consent in a room


@pytest.mark.parametrize(
    ("consent", "public", "name"),
    [
        ("", "ask", None),
        ("no", "ask", None),
        ("name", "ask", "Wren Adair"),
        ("first", "ask", "Wren"),
        ("name", "no", None),
        ("", "yes", "Wren Adair"),
        ("first", "yes", "Wren"),
        ("no", "yes", None),  # who said no is not shown, whatever the config says
    ],
)
def test_what_a_member_agreed_to(consent: Any, public: Any, name: str | None) -> None:
    author = person("nurse", "slack", name="Wren Adair", avatar="https://slack.example/wren.png")
    what = said("slack", by=author)
    hour = hour_with(what, public=public)
    hour.session.state.chats["handovers"].settings = msgspec.structs.replace(
        hour.session.state.chats["handovers"].settings, hosts=()
    )
    hour.session.state.people.get(author.account).consent = consent
    view = seen(hour, what, "page")
    assert view is not None
    assert (view.name if view.text is not None else None) == name
    assert (view.avatar, view.handle) == (None, ""), "never the photo, nor who they are at work"


def test_one_room_is_not_another() -> None:
    """Words from one workspace are not copied into a second one."""
    second = Net("ward", "slack", "Ward Slack", LIMITS["slack"], mirror=True)
    hour = Hour(community(networks=(*NETS, second)))
    hour.until(6)
    hour.write(said("slack"), said("mastodon", "A1: in public #WardChat"))
    assert list(hour.mirrored("ward").values()) == ["A1: in public #WardChat"]
    assert list(hour.mirrored("slack").values()) == ["A1: in public #WardChat"]


# ---------------------------------------------------------------- hosts and opt-outs change it


def test_hide_takes_it_off_every_surface_and_can_be_undone() -> None:
    what = said()
    hour = hour_with(what)
    assert hour.command("hide", "1") == "Done: entry 1 is hidden."
    assert table(hour, what) == ("words", "nothing", "nothing")
    assert hour.mirrored() == {}
    assert hour.command("hide", "1") == "Entry 1 is already hidden."
    hour.command("restore", "1")
    assert table(hour, what) == ("words", "words", "words")
    assert list(hour.mirrored()) == [1]


def test_what_was_hidden_stays_hidden_through_an_edit_that_splits_it() -> None:
    one = said(words=f"{LONG} #WardChat")
    other = said("bluesky", f"{LONG} #WardChat")
    hour = hour_with(one, other)
    assert hour.entry(one) is hour.entry(other)
    hour.command("hide", "1")
    hour.edit(msgspec.structs.replace(other, text=said(words="something worse #WardChat").text, edited=1))
    assert hour.entry(one) is not hour.entry(other)
    assert table(hour, other) == ("words", "nothing", "nothing")
    assert hour.mirrored() == {}


def test_a_held_entry_is_the_hosts_until_they_show_it() -> None:
    what = said(words="A1: look https://a.example #WardChat")
    hour = hour_with(what)
    assert table(hour, what) == ("words", "nothing", "nothing")
    (notice,) = hour.notices()
    assert notice.card is not None
    assert notice.card.text == what.text
    assert [b.verb for b in notice.buttons] == ["show", "hide"]
    hour.command("show", item="1")
    assert table(hour, what) == ("words", "words", "words")
    (notice,) = hour.notices()
    assert (notice.card, notice.buttons) == (None, ())


@pytest.mark.parametrize("how", ["removed", "gone", "wishes", "edited", "stop"])
def test_the_question_to_the_hosts_follows_the_words(how: str) -> None:
    what = said(words="A1: secret https://a.example #WardChat")
    hour = hour_with(what)
    match how:
        case "removed":
            hour.remove(what)
        case "gone":
            hour.arrive(AuthorGone(what.author.account))
        case "wishes":
            hour.wishes(what.author.account, nobridge=True)
        case "edited":
            hour.edit(msgspec.structs.replace(what, text=said(words="A1: better #WardChat").text, edited=1))
        case _:
            hour.write(post("2", "@ours stop", mentions=("our:mastodon",), reach="direct", at=hour.now))
    assert "secret" not in repr(hour.notices())
    assert len(hour.notices()) == (1 if how == "edited" else 0)


def test_who_says_stop_is_no_longer_shown_and_who_says_start_is() -> None:
    what = said()
    hour = hour_with(what)
    hour.write(post("2", "@ours stop", mentions=("our:mastodon",), reach="direct", at=hour.now))
    assert table(hour, what) == ("line", "line", "nothing")
    assert hour.mirrored() == {}
    assert any("no longer shown" in t for t in hour.texts("mastodon")), "it is confirmed"
    hour.write(post("3", "@ours start", mentions=("our:mastodon",), reach="direct", at=hour.now))
    assert table(hour, what) == ("words", "words", "words")


@pytest.mark.parametrize(
    ("network", "reach", "begins"),
    [
        ("mastodon", "public", "@nurse@ward.example Done: "),  # where a reply alone notifies nobody
        ("mastodon", "direct", "Done: "),
        ("bluesky", "public", "Done: "),
    ],
)
def test_who_asks_us_something_hears_of_it(network: Any, reach: Any, begins: str) -> None:
    hour = hour_with()
    hour.write(post("2", "@ours stop", network=network, mentions=(f"our:{network}",), reach=reach, tags=()))
    assert [t.partition("your posts")[0] for t in hour.texts(network) if "no longer shown" in t] == [begins]


def test_a_bridges_copy_is_no_way_round_an_opt_out() -> None:
    what = said()
    copy = post("9", "A1: secret #WardChat", network="bluesky", by="bridge", original=what.uri, at=what.at)
    hour = hour_with(what, copy)
    assert list(hour.mirrored()) == [1]
    hour.write(post("2", "@ours stop", mentions=("our:mastodon",), reach="direct", at=hour.now))
    assert table(hour, copy) == ("line", "line", "nothing")
    assert hour.mirrored() == {}


def test_forgetting_takes_the_words_out_of_the_state() -> None:
    what = said(words=f"{LONG} secret #WardChat")
    hour = hour_with(what)
    hour.write(post("2", "@ours forget me", mentions=("our:mastodon",), reach="direct", at=hour.now))
    assert "secret" not in repr(hour.session.state)
    assert hour.mirrored() == {}


def test_the_answer_to_a_private_word_is_private() -> None:
    hour = hour_with()
    hour.write(post("2", "@ours my record", mentions=("our:mastodon",), reach="direct", at=hour.now))
    (order,) = [o for o in hour.orders if o.lane == "people"]
    assert isinstance(order.op, Publish)
    assert isinstance(order.op.content, Words)
    assert (order.op.reach, order.op.content.text.plain) == ("direct", "We hold nothing of yours.")


# ---------------------------------------------------------------- who people seem to be


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Wren Adair", ""),
        ("wren adair", ""),
        ("Wren  Adair ✅", ""),
        ("Wren Adair (host)", ""),
        ("W r e n Adair", ""),
        ("Wrén Adair", ""),
        ("Wr\u0435n Ad\u0430ir", ""),  # Cyrillic letters that look the same
        ("WREN_ADAIR", ""),
        ("Wren", "Wren"),
        ("Adair", "Adair"),
        ("Renata Adair", "Renata Adair"),
        ("Врач 07", "Врач 07"),
        ("佐藤 Ann", "佐藤 Ann"),
    ],
)
def test_nobody_passes_for_a_host(name: str, shown: str) -> None:
    what = said(by=person("nurse", name=name))
    hour = hour_with(what)
    for audience in AUDIENCES:
        view = seen(hour, what, audience)
        assert view is not None
        assert (view.name, view.handle, view.host) == (shown, "@nurse@ward.example", False)


def test_a_host_is_one_by_account() -> None:
    what = said(by=person("wren", name="Wren Adair"))
    assert what.author.account == HOST
    view = seen(hour_with(what), what, "page")
    assert view is not None
    assert (view.name, view.host) == ("Wren Adair", True)


def test_the_newest_are_the_last_that_anybody_may_read() -> None:
    posts = [
        post(str(n), f"A1: words {n} #WardChat", by=f"nurse-{n}", network=network, reach=reach)
        for n, (network, reach) in enumerate(
            [("mastodon", "public"), ("bluesky", "public"), ("slack", "room"), ("mastodon", "limited")] * 3
        )
    ]
    hour = hour_with(*posts)
    entries = hour.session.view("handovers", "page", hour.now).entries
    assert len(entries) == 6
    assert newest(hour.session, "handovers", 4) == entries[-4:]
    assert newest(hour.session, "handovers", 9) == entries
