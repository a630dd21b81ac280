"""What the simulated people put into their posts besides words, who of them leaves, and a second server."""

from __future__ import annotations

import pytest

from simulator.letters import key, letters
from simulator.stage import Draft
from tests.unit.paper import DUE, HOURS, MINUTE, NETWORKS, SECOND, Hour, make

SECOND_SERVER = "welsh"
SERVERS = NETWORKS | {SECOND_SERVER: "mastodon"}


def lived(**options: object) -> Hour:
    hour = Hour(**options)  # type: ignore[arg-type]  # each test passes what Hour takes
    hour.live()
    return hour


def drafts(hour: Hour) -> list[tuple[str, Draft]]:
    return [(t.network, hour.stages[t.network].drafts[t.id]) for t in hour.truths]


# ---------------------------------------------------------------- pictures, polls, emoji, languages


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_some_of_everything_is_there_and_only_where_it_can_be(seed: int) -> None:
    hour = lived(seed=seed)
    seen = drafts(hour)
    for kind in ("pictures", "poll", "emoji", "language", "warning", "quote"):
        assert 3 <= sum(bool(getattr(draft, kind)) for _, draft in seen) <= 60, kind
    assert {n for n, d in seen if d.pictures} == set(NETWORKS)
    for network, draft in seen:
        carries = [bool(draft.pictures), bool(draft.poll), bool(draft.quote)]
        assert network == "bluesky" or sum(carries) <= 1, "Mastodon takes one of them"
        assert network == "mastodon" or not (draft.poll or draft.emoji)
        assert len(draft.pictures) <= 4
        assert len(set(draft.poll)) == len(draft.poll) != 1
        assert all(len(choice) <= 50 for choice in draft.poll)
        assert all(f":{name}:" in draft.text for name in draft.emoji)


def test_some_pictures_are_not_described_and_every_description_can_be_told_from_all_other_words() -> None:
    hour = lived(answers=800)
    alts = [alt for _, draft in drafts(hour) for alt in draft.pictures]
    assert 0.05 < alts.count("") / len(alts) < 0.4
    keys = [key(alt) for alt in alts if alt]
    assert all(keys)
    said = [letters(words) for truth in hour.truths for words in (truth.words, *truth.was)]
    everything = "\n".join([*sorted(set(said)), *(letters(alt) for alt in alts)])
    assert all(everything.count(k) == 1 for k in keys)


def test_a_custom_emoji_is_part_of_the_words_until_they_are_edited() -> None:
    hour = lived()
    for truth in hour.truths:
        for name in hour.stages[truth.network].drafts[truth.id].emoji:
            first = (truth.was or [truth.words])[0]
            assert first.endswith(f":{name}:")


def test_words_in_another_language_say_which() -> None:
    hour = lived()
    languages = {d.language: d.text for _, d in drafts(hour) if d.language}
    assert len(languages) >= 4
    assert "en" not in languages
    ascii_only = [text for _, d in drafts(hour) if d.language is None and not (text := d.text).isascii()]
    assert not any("です" in text or "ydyn" in text or "ohonom" in text for text in ascii_only)


def test_the_two_posts_of_a_twin_carry_the_same() -> None:
    hour = lived()
    for truth in hour.truths:
        if truth.kind in ("twin", "command"):
            draft = hour.stages[truth.network].drafts[truth.id]
            assert (draft.pictures, draft.poll, draft.emoji) == ((), (), ())


def test_the_truth_keeps_a_polls_choices_and_the_servers_what_the_pictures_show() -> None:
    hour = lived()
    rows = {(n, row["id"]): row for n, those in hour.ledger.servers(hour.stages).items() for row in those}
    for truth in hour.truths:
        draft, row = hour.stages[truth.network].drafts[truth.id], rows[truth.network, truth.id]
        assert row["pictures"] == list(draft.pictures)
        assert row["poll"] == list(draft.poll)


# ---------------------------------------------------------------- leaving


@pytest.mark.parametrize(
    ("participants", "leave"), [(12, 0), (19, 0), (20, 1), (40, 1), (41, 2), (80, 2), (200, 5)]
)
@pytest.mark.parametrize("seed", [1, 2])
def test_one_in_forty_leaves_and_never_a_host(participants: int, leave: int, seed: int) -> None:
    plan = make(10 * participants, participants, seed)
    assert len({d.who.handle for d in plan.departures}) == len(plan.departures) == leave
    for departure in plan.departures:
        assert not departure.who.host
        assert not departure.who.wish
        assert set(departure.who.networks) < {"mastodon", "bluesky"}
        assert any(p.who == departure.who and p.counts for p in plan.posts)
    assert make(10 * participants, participants, seed) == plan


def test_who_lives_in_two_places_or_hosts_does_not_leave_whatever_the_seed() -> None:
    for seed in range(40):
        for networks in (NETWORKS, {"mastodon": "mastodon"}):
            for departure in make(60, 30, seed, hosts=20, networks=networks).departures:
                assert not departure.who.host
                assert len(departure.who.networks) == 1


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_who_leaves_has_taken_part_and_takes_everything_along(seed: int) -> None:
    hour = lived(answers=600, participants=80, seed=seed)
    assert hour.people.finished
    assert len(hour.truths) == 600
    for number, departure in enumerate(hour.people.plan.departures):
        theirs = [t for t in hour.truths if t.author == departure.who.handle]
        stage = hour.stages[departure.who.networks[0]]
        assert departure.who.handle not in stage.people
        assert all(stage.said[t.id].deleted for t in theirs)
        assert any(t.departed and t.belongs for t in theirs)
        left = {when for t in theirs for act, when in t.acts if act == "departed"}
        assert len(left) == 1
        assert all(when <= max(left) for t in theirs for _, when in t.acts)
        if number % 2 == 0:
            assert max(left) < HOURS.ends, "one while the chat goes on"
    assert not any(t.departed for t in hour.truths if t.author not in _leaving(hour))
    edits = [p for p in hour.people.plan.posts if p.fate == "edit" and p.who.handle in _leaving(hour)]
    assert sum(bool(t.was) for t in hour.truths if t.author in _leaving(hour)) == len(edits)


def test_a_post_that_its_author_deleted_before_leaving_did_not_go_with_them() -> None:
    seen = 0
    for seed in range(1, 12):
        hour = lived(answers=600, participants=80, seed=seed)
        for truth in hour.truths:
            acts = [act for act, _ in truth.acts]
            if truth.author in _leaving(hour) and "deleted" in acts:
                assert "departed" not in acts
                seen += 1
    assert seen


def test_nobody_answers_to_a_post_that_goes_with_its_author() -> None:
    hour = lived(answers=600, participants=80)
    going = {t.id for t in hour.truths if t.author in _leaving(hour)}
    assert going
    assert not any(d.reply_to in going or d.quote in going for _, d in drafts(hour))


def _leaving(hour: Hour) -> set[str]:
    return {departure.who.handle for departure in hour.people.plan.departures}


# ---------------------------------------------------------------- a second server


def test_people_on_a_second_server_answer_the_copies_it_has() -> None:
    hour = lived(second=SECOND_SERVER)
    assert hour.people.finished
    assert len(hour.truths) == 400
    here = hour.stages[SECOND_SERVER]
    mine = [t for t in hour.truths if t.network == SECOND_SERVER]
    assert len(mine) > 60
    assert {q for t in mine if t.kind == "label" for q in t.question or ()} == {f"Q{n}" for n in range(1, 8)}
    above = [here.drafts[t.id].reply_to or here.drafts[t.id].quote for t in mine]
    copies = [here.foreign[id_] for id_ in above if id_ in here.foreign]
    assert any(said.ours for said in copies), "a question"
    assert any(not said.ours for said in copies), "somebody on the other server"
    theirs = hour.stages["mastodon"]
    assert any(d.reply_to in theirs.foreign for d in theirs.drafts.values()), "and the other way round"
    assert not any(said.ours for said in here.said.values()), "nothing is asked there"


def test_no_one_lives_on_two_servers_of_a_kind() -> None:
    for who in make(400, 60, 7, networks=SERVERS).cast:
        if not who.host:
            kinds = [SERVERS[network] for network in who.networks]
            assert len(set(kinds)) == len(kinds)


def test_where_nothing_is_asked_the_open_question_is_the_one_that_is_open_everywhere() -> None:
    hour = Hour(second=SECOND_SERVER)
    hour.to(DUE[0])
    hour.ask(0)
    hour.to(DUE[1])
    hour.ask(1, "mastodon", "slack")
    hour.to(DUE[1] + 2 * MINUTE)
    assert hour.people._open(SECOND_SERVER, hour.time) is None
    hour.ask(1, "bluesky")
    hour.to(hour.time + MINUTE + 10 * SECOND)
    assert hour.people._open(SECOND_SERVER, hour.time) == ("Q2",)


def test_the_servers_file_says_under_which_names_others_hold_a_post() -> None:
    hour = lived(second=SECOND_SERVER)
    rows = hour.ledger.servers(hour.stages)
    for row in rows["mastodon"]:
        elsewhere = hour.stages[SECOND_SERVER].foreign
        assert all(elsewhere[id_].id == row["id"] for network, id_ in row["also"] if network == SECOND_SERVER)
        assert bool(row["also"]) == (row["audience"] in ("public", "quiet"))
    assert not any(row["also"] for network in ("bluesky", "slack") for row in rows[network])
