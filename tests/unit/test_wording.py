"""The texts of the run sheet's items, as people read them."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from bridge.chat import wording
from bridge.chat.runsheet import Kind
from bridge.model import HOUR, MINUTE, Leaflet, Limits
from bridge.settings import Chat, Community, Host, Net, Question
from bridge.text import count, fits, hashtags, joined

START = 1_521_576_000_000_000  # 2018-03-20 20:00 UTC

MASTODON = Net("mastodon", "mastodon", "Mastodon", Limits(500, url=23, local_mentions=True))
BLUESKY = Net("bluesky", "bluesky", "Bluesky", Limits(300, bytes=3000))
SLACK = Net("slack", "slack", "Slack", Limits(3500), mirror=True)
NETWORKS = (MASTODON, BLUESKY, SLACK)
CHAT = Chat(
    id="communities-of-practice",
    title="Cultivating communities of practice",
    hashtag="CCNVirtual",
    starts=START,
    ends=START + HOUR,
    late_until=START + 25 * HOUR,
    questions=(
        Question(START + 5 * MINUTE, "What is a community of practice?"),
        Question(START + 9 * MINUTE, "How do you start?", translations=(("cy", "Sut mae dechrau?"),)),
    ),
    hosts=(Host("Lucy Scarisbrick"), Host("Vanessa Garrity")),
    announce=7 * 24 * HOUR,
    remind=(24 * HOUR, 10 * MINUTE),
)
COMMUNITY = Community(
    "The Co-Creation Network", "Europe/London", "en", (CHAT,), NETWORKS, "https://chat.example.org"
)
ALONE = msgspec.structs.replace(COMMUNITY, networks=(MASTODON,), page=None)
STOP = "unless you add #nobridge or message us 'stop'."
STAY = "Yours stay in this channel unless you press Show on page or Send."
KINDS: tuple[Kind, ...] = (*("announcement", "reminder", "welcome", "question", "recap", "closing", "say"),)


def said(
    kind: Kind,
    net: Net = MASTODON,
    *,
    chat: Chat = CHAT,
    community: Community = COMMUNITY,
    label: str = "",
    text: str = "",
    figures: wording.Figures = (),
    lead: int = 0,
) -> str:
    return wording.plain(
        kind, chat=chat, community=community, net=net, label=label, text=text, figures=figures, lead=lead
    )


def changed(**fields: object) -> Chat:
    return msgspec.structs.replace(CHAT, **fields)


# ---------------------------------------------------------------- each kind


@pytest.mark.parametrize("brief", [False, True])
@pytest.mark.parametrize("community", [COMMUNITY, ALONE])
def test_people_are_told_to_say_stop_as_we_can_hear_it(community: Community, brief: bool) -> None:
    """Where nobody can write to our account alone there is only a post that mentions it."""
    deaf = msgspec.structs.replace(BLUESKY, direct=False)
    told = wording.notice(CHAT, community, deaf, brief=brief)
    assert told.endswith("unless you add #nobridge or mention us, saying only 'stop'.")
    assert "message us" not in said("welcome", deaf, community=community)


def test_people_are_told_only_of_places_where_their_words_really_go() -> None:
    """Nothing is copied from one public network to another."""
    two = msgspec.structs.replace(COMMUNITY, networks=(MASTODON, BLUESKY))
    assert (
        wording.notice(CHAT, two, MASTODON) == f"Public answers also show on https://chat.example.org, {STOP}"
    )
    unseen = msgspec.structs.replace(two, page=None)
    assert wording.notice(CHAT, unseen, BLUESKY).startswith("Public answers go into the transcript,")
    roomy = msgspec.structs.replace(COMMUNITY, page=None)
    told = f"Public answers also show on Slack and in the transcript, {STOP}"
    assert wording.notice(CHAT, roomy, MASTODON, brief=True) == told


def test_announcement() -> None:
    assert said("announcement") == (
        "Join us for #CCNVirtual: Cultivating communities of practice. Tuesday 20 March 2018, 20:00 to 21:00 "
        "London time (20:00 UTC). Public answers also show on Slack and https://chat.example.org, "
        f"{STOP} Everyone is welcome. Your hosts: Lucy Scarisbrick and Vanessa Garrity. "
        "We also meet on Bluesky and Slack."
    )
    assert STAY in said("announcement", SLACK)
    assert "#CCNVirtual" in said("announcement", SLACK)
    with_article = said("announcement", chat=changed(article="https://tide.test/a"))
    assert with_article.endswith("To read before: https://tide.test/a")


@pytest.mark.parametrize(
    ("lead", "words"),
    [(24 * HOUR, "In 24 hours: "), (10 * MINUTE, "In 10 minutes: "), (2 * 24 * HOUR, "In 2 days: ")],
)
def test_reminders_name_local_time_and_utc(lead: int, words: str) -> None:
    assert said("reminder", lead=lead) == (
        f"{words}Cultivating communities of practice, with #CCNVirtual. "
        "Tuesday 20 March 2018, 20:00 London time (20:00 UTC). See you there!"
    )


def test_welcome_in_public() -> None:
    assert said("welcome", BLUESKY) == (
        "Welcome to #CCNVirtual! New? Say hello. "
        "Follow us and answer by replying, starting A1, A2 …, and keep the tag. "
        "Be kind. No recognisable patients or colleagues. Describe your pictures. "
        "A question of your own? Start it 'Q:'. "
        "Others answer on Mastodon and Slack. All together: https://chat.example.org. "
        f"Yours show there too, {STOP}"
    )


def test_welcome_in_a_room() -> None:
    words = said("welcome", SLACK)
    assert words.endswith(f"Answers from Mastodon and Bluesky arrive here. {STAY}")
    assert not hashtags(words)


def test_questions_bear_label_and_tag_everywhere() -> None:
    for net in NETWORKS:
        words = said("question", net, label="Q1", text="What is a community of practice?")
        assert words == "Q1 What is a community of practice? #CCNVirtual"
    asked = said("question", label="Q8", text="Who tells #ccnvirtual stories?")
    assert asked == "Q8 Who tells #ccnvirtual stories?"
    assert said("question", label="Q8", text="Is {tag} yours?") == "Q8 Is #CCNVirtual yours?"


def test_recap_counts_per_question_and_network() -> None:
    figures = (("Q1", (("mastodon", 7), ("bluesky", 4), ("slack", 1))), ("Q2", (("mastodon", 0),)))
    assert said("recap", figures=figures) == (
        "So far: 12 answers.\nQ1: Mastodon 7, Bluesky 4, Slack 1\nQ2: none yet\n"
        "All together: https://chat.example.org"
    )
    assert said("recap", community=ALONE, figures=figures[1:]) == "So far: no answers yet.\nQ2: none yet"
    assert said("recap", label="The whole hour", figures=(("Q1", (("Slack", 1),)),)).startswith(
        "The whole hour: 1 answer.\nQ1: Slack 1\n"
    )


def test_closing() -> None:
    late = "until Wednesday 21 March 2018, 21:00 London time (21:00 UTC)"
    assert late in said("closing")
    assert said("closing").endswith("All together: https://chat.example.org.")
    assert late in said("closing", SLACK)
    assert not hashtags(said("closing", SLACK))


# ---------------------------------------------------------------- posts


def posted(kind: Kind, net: Net = MASTODON, chat: Chat = CHAT, **more: Any) -> tuple[wording.Part, ...]:
    return wording.posts(kind, chat=chat, community=COMMUNITY, net=net, limits=net.limits, **more)


@pytest.mark.parametrize("net", NETWORKS)
def test_every_language_is_a_post_of_its_own(net: Net) -> None:
    first, second = posted("question", net, label="Q2", text="How do you start?")
    assert (first.words.text.plain, first.words.language, first.after) == (
        *("Q2 How do you start? #CCNVirtual", "en", None),
    )
    assert (second.words.text.plain, second.words.language, second.after) == (
        *("Q2 Sut mae dechrau? #CCNVirtual", "cy", 0),
    )
    (other,) = posted("question", net, label="Q8", text="How do you start?")
    assert other.words.language == "en", "a question of a host has no translations"


@pytest.mark.parametrize("net", NETWORKS)
@pytest.mark.parametrize("warning", ["food", "health 👩‍⚕️ " * 9, "far too long a warning " * 30])
def test_a_warning_takes_its_room(net: Net, warning: str) -> None:
    chat = changed(warning=warning)
    made = posted("say", net, chat, text="What do we do when it gets late? " * 40)
    for post in made:
        assert post.words.warning
        assert warning.startswith(post.words.warning.rstrip("…"))
        shown = joined(f"⚠ {post.words.warning}\n\n", post.words.text)
        assert fits(shown, net.limits)
    assert any(count(p.words.text.plain) > net.limits.graphemes // 4 for p in made), (
        "there is room left for words"
    )


def test_what_a_post_says_of_the_page_it_links_to() -> None:
    article = "https://tide.test/a"
    chat = changed(article=article)
    page = Leaflet("https://chat.example.org", CHAT.title, "The Co-Creation Network")
    read = Leaflet(article, f"To read before: {CHAT.title}", "The Co-Creation Network")
    assert posted("closing")[-1].words.leaflet == page
    assert posted("say", text="Look here: https://elsewhere.test and {page}")[0].words.leaflet is None
    assert posted("say", text="No link at all")[0].words.leaflet is None
    assert posted("say", chat=chat, text=f"Read {article}, then look at {{page}}")[0].words.leaflet == read
    on_bluesky = [p.words.leaflet for p in posted("announcement", BLUESKY, chat)]
    assert on_bluesky == [page, read], "each post has its own first link"


# ---------------------------------------------------------------- the notice


@pytest.mark.parametrize("net", NETWORKS)
def test_the_first_post_tells_where_words_go(net: Net) -> None:
    told = STAY if net.mirror else STOP
    assert told in said("announcement", net)
    unannounced = changed(announce=None)
    assert told in said("welcome", net, chat=unannounced)
    assert told in said("welcome", net, chat=changed(announce=None, welcome="Hello all."))
    assert told not in said("welcome", net, chat=changed(welcome="Hello all."))


@pytest.mark.parametrize("net", NETWORKS)
@pytest.mark.parametrize("announce", [7 * 24 * HOUR, None])
def test_it_can_be_reworded_but_not_dropped(net: Net, announce: int | None) -> None:
    chat = changed(announce=announce, notice="Words travel to {others}.", welcome="Hello all.")
    first = said("announcement" if announce else "welcome", net, chat=chat)
    assert f"Words travel to {wording.listed([n.title for n in NETWORKS if n != net])}." in first
    empty = msgspec.structs.replace(chat, notice="")
    assert (STAY if net.mirror else STOP) in said("announcement" if announce else "welcome", net, chat=empty)


@pytest.mark.parametrize("kind", ["announcement", "welcome"])
def test_it_stands_in_the_first_part_of_a_thread(kind: Kind) -> None:
    chat = CHAT if kind == "announcement" else changed(announce=None)
    posts = wording.parts(said(kind, BLUESKY, chat=chat), BLUESKY.limits, CHAT.hashtag)
    assert len(posts) == 2
    assert STOP in posts[0].plain


def test_with_no_other_network_and_no_page_it_promises_none() -> None:
    words = said("announcement", community=ALONE)
    assert "Public answers go into the transcript, unless" in words
    assert "We also meet" not in words


@pytest.mark.parametrize(
    ("public", "page", "outward", "words"),
    [
        ("ask", "https://tide.test", "asked", "unless you press Show on page or Send."),
        ("ask", "https://tide.test", "none", "unless you press Show on page."),
        ("yes", "https://tide.test", "asked", "Yours show on the page too"),
        ("no", "https://tide.test", "asked", "Yours stay in this channel unless you press Send."),
        ("no", "https://tide.test", "none", "Yours stay in this channel."),
        ("ask", None, "none", "Yours stay in this channel."),
    ],
)
def test_a_rooms_notice_follows_its_consent(public: str, page: str | None, outward: str, words: str) -> None:
    room = msgspec.structs.replace(SLACK, public=public)
    networks = (MASTODON, room)
    community = msgspec.structs.replace(COMMUNITY, networks=networks, page=page, outward=outward)
    assert words in said("welcome", room, community=community)


# ---------------------------------------------------------------- placeholders, mentions, length


def test_sentences_about_what_is_not_there_are_left_out() -> None:
    chat = changed(closing="Thank you! Read on at {page}. Others are on {others}; see you.\nBye, {tag}.")
    assert said("closing", chat=chat, community=ALONE) == "Thank you! Bye, #CCNVirtual."
    assert said("closing", chat=chat) == (
        "Thank you! Read on at https://chat.example.org. "
        "Others are on Bluesky and Slack; see you.\nBye, #CCNVirtual."
    )


@pytest.mark.parametrize("community", [COMMUNITY, ALONE])
@pytest.mark.parametrize("net", NETWORKS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_text_of_ours_shows_a_brace_or_a_gap(kind: Kind, net: Net, community: Community) -> None:
    for chat in (CHAT, changed(announce=None)):
        words = said(kind, net, chat=chat, community=community, label="Q1", text="What is it?", lead=HOUR)
        assert words
        assert "{" not in words
        assert "  " not in words
        assert words == words.strip()


def test_what_is_filled_in_is_never_filled_again_and_hosts_may_say_braces() -> None:
    assert said("say", text="{title}", chat=changed(title="On {page} and {when}")) == "On {page} and {when}"
    assert said("say", text="Try {this} on {others}") == "Try {this} on Bluesky and Slack"
    assert wording.unknown_placeholders("{page} {pages} {} {tag}") == ("pages", "")


def test_a_second_server_is_no_other_network() -> None:
    second = Net("north", "mastodon", "Mastodon (north)", MASTODON.limits, post=False)
    community = msgspec.structs.replace(COMMUNITY, networks=(*NETWORKS, second))
    assert said("say", SLACK, text="{others}", community=community) == "Mastodon and Bluesky"
    assert said("say", second, text="{others}", community=community) == "Bluesky and Slack"


def test_nobody_is_pinged() -> None:
    text = "Thank @ann, @ann@tide.test and ann@tide.test, see https://tide.test/@ann"
    assert said("say", text=text) == "Thank ann, ann@tide.test and ann@tide.test, see https://tide.test/@ann"
    assert "With bo@tide.test" in said("announcement", chat=changed(title="With @bo@tide.test"))
    assert "host: ann." in said("announcement", chat=changed(hosts=(Host("@ann"),)))


@pytest.mark.parametrize(
    "words", ["@@ann@tide.test", "@@@ann", "@bo.@ann@tide.test", "½@ann@tide.test", "-@ann"]
)
def test_nobody_is_pinged_by_a_sign_before_their_name(words: str) -> None:
    """Mastodon finds a name behind anything but a letter, a digit, "_", "=" or "/" (its source)."""
    assert not re.search(r"(?<![=/A-Za-z0-9_])@[A-Za-z0-9_]", wording.unpinging(words))
    assert "ann" in wording.unpinging(words)


@pytest.mark.parametrize("net", NETWORKS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_post_fits_and_bears_the_tag_where_it_needs_it(kind: Kind, net: Net) -> None:
    figures = tuple((f"Q{n}", (("mastodon", 120), ("bluesky", 90), ("slack", 45))) for n in range(1, 8))
    words = said(kind, net, label="Q1", text="What? " * 90, figures=figures, lead=HOUR)
    posts = wording.parts(words, net.limits, wording.tag(CHAT, net))
    assert all(fits(post, net.limits) for post in posts)
    if not net.mirror:
        assert all("ccnvirtual" in hashtags(post.plain) for post in posts)
    marks = {span.kind for post in posts for span in post.spans}
    assert marks <= {"link", "tag"}


# ---------------------------------------------------------------- names


def test_hosts_alone_are_really_mentioned_each_where_they_are() -> None:
    handles = (("mastodon", "@lucy@ward.example"), ("bluesky", "lucy.example.org"), ("slack", "U012AB3CD"))
    chat = changed(hosts=(Host("Lucy Scarisbrick", handles),))
    text = "Ask @Lucy@ward.example, @lucy.example.org. Not @ann@ward.example!"
    said = {net.name: _mentioned(chat, net, text) for net in NETWORKS}
    rest = "Not ann@ward.example!"
    assert said["mastodon"] == (["Lucy@ward.example"], f"Ask @Lucy@ward.example, lucy.example.org. {rest}")
    assert said["bluesky"] == (["lucy.example.org"], f"Ask Lucy@ward.example, @lucy.example.org. {rest}")
    assert said["slack"] == ([], f"Ask Lucy@ward.example, lucy.example.org. {rest}")


def _mentioned(chat: Chat, net: Net, text: str) -> tuple[list[str], str]:
    (part,) = wording.posts("say", chat=chat, community=COMMUNITY, net=net, limits=net.limits, text=text)
    words = part.words.text
    return [s.value for s in words.spans if s.kind == "mention"], words.plain.removesuffix(" #CCNVirtual")


@pytest.mark.parametrize("kind", ["announcement", "reminder", "welcome", "closing"])
@pytest.mark.parametrize("net", [MASTODON, SLACK])
def test_a_title_that_ends_by_itself_gets_no_second_sign(kind: Kind, net: Net) -> None:
    asking = msgspec.structs.replace(CHAT, title="Why do we stay?")
    assert not re.search(r"stay\?[.,!?]", said(kind, net, chat=asking, lead=HOUR))
