"""The simulated people, on networks that are kept in memory."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest

from simulator.ledger import Questions, Truth
from simulator.letters import key, letters
from simulator.stage import Said
from simulator.words import Words
from tests.unit.paper import DUE, HOURS, MINUTE, NETWORKS, SECOND, STARTS, TEXTS, Hour, make


def test_the_same_seed_makes_the_same_plan_and_another_seed_another() -> None:
    assert make(400, 40, 7) == make(400, 40, 7)
    assert make(400, 40, 7) != make(400, 40, 8)


@pytest.mark.parametrize(("answers", "participants"), [(40, 12), (400, 40), (2000, 120)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_proportions_hold(answers: int, participants: int, seed: int) -> None:
    posts = make(answers, participants, seed).posts
    assert len(posts) == answers
    counted = [p for p in posts if p.counts]
    assert len(counted) >= 0.75 * answers
    assert sum(p.fate == "edit" for p in counted) >= 0.05 * answers
    assert sum(p.fate == "delete" for p in counted) >= 0.03 * answers
    kinds = Counter(p.kind for p in posts)
    wanted = {"hello", "label", "bare", "reply", "chain", "quote", "twin", "late", "clinical"}
    assert wanted | {"limited", "nobridge", "offtopic", "direct", "command"} <= set(kinds)
    assert {"stop", "forget"} <= {p.who.wish for p in posts}
    assert {p.network for p in posts} == set(NETWORKS)
    on = Counter(p.network for p in posts)
    assert on["slack"] < on["bluesky"] < on["mastodon"] or answers == 40


@pytest.mark.parametrize("answers", [1, 3, 10])
@pytest.mark.parametrize("participants", [1, 2, 5])
def test_few_people_and_few_posts_are_possible(answers: int, participants: int) -> None:
    hour = Hour(answers, participants, hosts=0)
    hour.live()
    assert len(hour.truths) == answers
    assert hour.people.finished


def test_people_are_named_by_role_and_number_and_no_two_alike() -> None:
    cast = make(2000, 300, 5).cast
    assert len({c.handle for c in cast}) == len(cast) == 302
    assert len({c.name for c in cast}) == len(cast)
    assert all(c.handle.rsplit("-", 1)[1].isdigit() for c in cast if not c.host)
    assert any(len(c.networks) == 2 for c in cast)


@pytest.mark.parametrize("answers", [40, 400])
def test_everything_planned_is_done_and_each_post_can_be_told_from_all_others(answers: int) -> None:
    hour = Hour(answers, participants=24)
    hour.live()
    assert hour.people.finished
    assert hour.people.next is None
    assert hour.people.written == len(hour.truths) == answers
    groups: dict[str, set[int]] = {}
    wholes = []
    for truth in hour.truths:
        if truth.kind == "command":
            continue
        said = hour.stages[truth.network].said[truth.id]
        assert 20 <= len(said.text) <= 500
        assert letters(truth.words) in letters(said.text)
        for words in (truth.words, *truth.was):
            assert len(key(words)) >= 12
            groups.setdefault(key(words), set()).add(truth.group)
            wholes.append(letters(words))
    assert all(len(g) == 1 for g in groups.values())
    everything = "\n".join(sorted(set(wholes)))
    assert all(everything.count(words) == 1 for words in groups)


def test_tags_labels_and_reach_are_what_the_truth_says() -> None:
    hour = Hour()
    hour.live()
    seen: Counter[str] = Counter()
    for truth in hour.truths:
        said = hour.stages[truth.network].said[truth.id]
        draft = hour.stages[truth.network].drafts[truth.id]
        tagged = "#ccnvirtual" in said.text.casefold()
        assert tagged == (draft.tag != "none")
        belongs = (
            tagged or draft.reply_to or draft.quote or (truth.network == "slack" and draft.place == "chat")
        )
        assert truth.belongs == bool(belongs)
        assert (truth.audience == "limited") == (draft.reach == "limited")
        assert (truth.audience == "direct") == (draft.place == "direct")
        assert (truth.audience == "room") == (truth.network == "slack" and draft.place == "chat")
        assert ("#nobridge" in said.text) == (truth.kind == "nobridge")
        if truth.kind in ("label", "twin", "nobridge"):
            assert truth.question is not None
            assert letters(truth.question[0])[1:] in letters(said.text)[:4]
        seen[truth.kind] += 1
    assert seen["several"] > 0


def test_twins_are_the_same_words_by_the_same_name_within_minutes() -> None:
    hour = Hour()
    hour.live()
    groups: dict[int, list[Truth]] = {}
    for truth in hour.truths:
        if truth.kind == "twin":
            groups.setdefault(truth.group, []).append(truth)
    assert groups
    for one, other in groups.values():
        assert {one.network, other.network} <= {"mastodon", "bluesky"}
        assert one.network != other.network
        assert one.author == other.author
        assert (one.was or [one.words])[0] == (other.was or [other.words])[0]
        assert abs(one.acts[0][1] - other.acts[0][1]) < 8 * MINUTE
        names = {hour.stages[t.network].people[t.author].name for t in (one, other)}
        assert len(names) == 1


def test_who_says_stop_is_silent_afterwards_and_who_asks_to_be_forgotten_writes_no_more() -> None:
    hour = Hour()
    hour.live()
    for who in hour.people.plan.cast:
        theirs = [t for t in hour.truths if t.author == who.handle]
        if who.wish and theirs:
            assert all(t.opted_out for t in theirs if t.kind != "command")
        if who.wish in ("stop", "forget"):
            command = next(n for n, t in enumerate(theirs) if t.kind == "command")
            assert command > 0, "they took part first"
            assert all(t.withdrawn for t in theirs)
        if who.wish == "forget":
            assert theirs[-1].kind == "command"
        if who.wish in ("nobridge", "nobot"):
            assert not any(t.withdrawn for t in theirs)
            assert f"#{who.wish}" in hour.stages[who.networks[0]].people[who.handle].profile


def test_edits_and_deletions_happen_within_seconds_and_after_minutes() -> None:
    hour = Hour()
    hour.live()
    waits: dict[str, list[float]] = {"edited": [], "deleted": []}
    for truth in hour.truths:
        times = dict(truth.acts)
        for act, seconds in waits.items():
            if act in times:
                seconds.append((times[act] - times["written"]) / SECOND)
        said = hour.stages[truth.network].said[truth.id]
        assert said.edited == bool(truth.was)
        assert said.deleted == ("deleted" in times or "departed" in times)
    assert len(waits["edited"]) >= 20
    assert len(waits["deleted"]) >= 12
    for seconds in waits.values():
        assert min(seconds) < 25
        assert max(seconds) > 120


def test_nobody_is_so_quick_that_they_are_held_back_and_the_links_of_strangers_are_known() -> None:
    hour = Hour(answers=300, participants=10)
    hour.live()
    by_author: dict[str, list[Truth]] = {}
    for truth in hour.truths:
        by_author.setdefault(truth.author, []).append(truth)
    links = held = 0
    for theirs in by_author.values():
        times = [t.acts[0][1] for t in theirs]
        assert all(b - a >= 12 * SECOND for a, b in itertools.pairwise(times))
        known: set[str] = set()
        for truth in theirs:
            if "https://" in hour.stages[truth.network].said[truth.id].text:
                links += 1
                held += truth.held
                assert truth.held or truth.network in known
            known.add(truth.network)
    assert links > 5
    assert held <= 10, "only a first post may be held"


def test_answers_follow_their_question_while_the_chat_goes_on() -> None:
    hour = Hour()
    hour.live()
    for truth in hour.truths:
        at = truth.acts[0][1]
        if truth.kind == "hello":
            assert STARTS < at < DUE[0]
            assert truth.question == ()
        elif truth.kind == "late":
            assert at > HOURS.ends
        else:
            assert DUE[0] < at <= HOURS.ends + 5 * MINUTE
        if truth.kind == "label":
            assert truth.question is not None
            due = DUE[int(truth.question[0][1:]) - 1]
            assert 20 * SECOND <= at - due < 10 * MINUTE
    bare = [t for t in hour.truths if t.kind == "bare"]
    assert sum(t.question is not None for t in bare) > 0.8 * len(bare)


def test_a_question_that_a_network_never_saw_moves_its_people_to_the_next_one() -> None:
    hour = Hour()
    hour.live(skipped=((2, "mastodon"), (3, "mastodon"), (6, "slack")))
    assert hour.people.finished
    assert hour.people.written == 400
    here = [t for t in hour.truths if t.network == "mastodon" and t.kind not in ("late", "several")]
    assert not any(t.question in (("Q3",), ("Q4",)) for t in here)


def test_if_nothing_is_ever_asked_people_still_say_what_they_came_to_say() -> None:
    hour = Hour(answers=60, participants=12)
    hour.to(HOURS.late_until)
    assert hour.people.finished
    assert hour.people.written == 60


def test_a_question_is_known_by_its_label_and_words_and_only_in_the_chat() -> None:
    questions = Questions([{"label": "Q1", "text": TEXTS[0]}, {"label": "Q2", "text": TEXTS[1]}])

    def said(text: str, place: str = "chat") -> Said:
        return Said("slack", "1", "bridge", text, 0, 0.0, ours=True, place=place)

    assert questions.asked_by(said(f"*Q2* {TEXTS[1]}\nQ2 {TEXTS[1]}")) == 1
    assert questions.asked_by(said(f"Q2: {TEXTS[0]}")) is None
    assert questions.asked_by(said(f"Q1 {TEXTS[0]}", place="hosts")) is None
    assert questions.asked_by(said(f"Up next: Q1 {TEXTS[0]}")) is None


@pytest.mark.parametrize(
    "words",
    [
        "At the bedside it helps us most.",  # a part of it
        "Handovers: at the bedside it helps us most, on ward 7!",  # the same letters
        "Yes. Handovers at the bedside, it helps us most on ward 7. So say I.",  # more around it
    ],
)
def test_no_text_stands_inside_another(words: str) -> None:
    said, chance = Words(), random.Random(1)
    said.fresh(chance, lambda _: "Handovers at the bedside: it helps us most on ward 7.")
    assert said.fresh(chance, lambda _: "Handovers at the window: it helps us most on ward 8.")
    with pytest.raises(RuntimeError, match="no new words"):
        said.fresh(chance, lambda _: words)
