"""The merged timeline on a network: whatever happens meanwhile, it ends up showing what it should, once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.chat.copies import LAG, LATE, SHORT, SHORTEST, STREAMS, Copies, Gather, Message, Step
from bridge.model import SECOND, Capabilities, Lane, Limits, Ref
from tests.unit.make import STARTS

ENTRIES = st.integers(1, 8)
FRAME = 80
ABLE = Capabilities(Limits(3000))


class Wall:
    """A network that shows messages, and what it should show."""

    def __init__(self, size: int = 100) -> None:
        self.copies = Copies()
        self.wanted: dict[int, int] = {}
        self.revisions: dict[int, int] = {}
        self.standing: dict[int, dict[int, int]] = {}  # message -> entry -> revision, as readers see it
        self.given_up: set[int] = set()
        self.flying: dict[Lane, tuple[Message, dict[int, int]]] = {}
        self.now = STARTS
        self.orders = 0
        self.size = size

    def write(self, *entries: int) -> None:
        """These entries are new, or say something else now."""
        for no in entries:
            self.wanted[no] = self.revisions[no] = self.revisions.get(no, 0) + 1
            self.touch(no)

    def hide(self, *entries: int) -> None:
        for no in entries:
            self.wanted.pop(no, None)
            self.touch(no)

    def show(self, no: int) -> None:
        """As it was before it was hidden."""
        if no in self.revisions:
            self.wanted[no] = self.revisions[no]
            self.touch(no)

    def touch(self, no: int) -> None:
        self.copies.touch(no, self.wanted.get, self.now)

    def following(self, lane: Lane) -> Step | None:
        return self.copies.following(
            lane,
            self.wanted.get,
            lambda _: (self.size, FRAME),
            lambda one, other: one % 2 == other % 2,
            able=ABLE,
            now=self.now,
        )

    def begin(self, *lanes: Lane) -> Gather | None:
        """Take the next step of the first of these streams (of any) that has one and is free."""
        for lane in lanes or STREAMS:
            step = None if lane in self.flying else self.following(lane)
            if step is not None:
                return self._begin(lane, step)
        return None

    def _begin(self, lane: Lane, step: Step) -> Gather:
        act, entries, message = step
        assert len(set(entries)) == len(entries)
        gather = Gather("slack", "handovers", act, entries, message)
        self.orders += 1
        flying = self.copies.begin(gather, (self.orders, 0), self.wanted.get)
        self.flying[lane] = flying, {no: self.wanted[no] for no in entries}
        return gather

    def _landed(self, lane: Lane | None) -> tuple[Message, dict[int, int]]:
        return self.flying.pop(next(iter(self.flying)) if lane is None else lane)

    def sent(self, lane: Lane | None = None) -> None:
        message, shows = self._landed(lane)
        if message.act == "retract":
            del self.standing[message.no]
        else:
            self.standing[message.no] = shows
        self.copies.sent(message, Ref("slack", str(message.no)), self.wanted.get, self.now)

    def refused(self, lane: Lane | None = None) -> None:
        message, _ = self._landed(lane)
        if message.act == "retract":
            del self.standing[message.no]  # a host has to see to it: they are told
        self.given_up.update(self.copies.refused(message, "no", self.wanted.get, self.now))

    def dropped(self, lane: Lane | None = None) -> None:
        message, _ = self._landed(lane)
        self.copies.dropped(message, self.wanted.get, self.now)

    def settle(self) -> list[Gather]:
        """Take every step there is; how it went."""
        while self.flying:
            self.sent()
        steps = []
        while step := self.begin():
            steps.append(step)
            self.sent()
            assert len(steps) < 100, "it never comes to rest"
        return steps

    def shown(self) -> dict[int, int]:
        return {no: revision for shows in self.standing.values() for no, revision in shows.items()}


# ---------------------------------------------------------------- step by step


def steps(wall: Wall) -> list[tuple[str, tuple[int, ...], int]]:
    return [(s.act, s.entries, s.message) for s in wall.settle()]


def test_one_entry_one_message() -> None:
    wall = Wall()
    wall.write(1, 2, 3)
    assert steps(wall) == [("publish", (1,), 0), ("publish", (2,), 0), ("publish", (3,), 0)]
    assert wall.begin() is None


def test_a_flood_is_gathered() -> None:
    wall = Wall()
    wall.write(*range(1, 9))
    wall.now += LAG + 1
    assert steps(wall) == [("publish", (1, 3, 5, 7), 0), ("publish", (2, 4, 6, 8), 0)]


def test_gathering_begins_with_the_lag_of_whoever_waits_longest() -> None:
    wall = Wall()
    wall.write(3, 5)
    wall.now += LAG + 1
    wall.write(1)  # waits for nobody yet, and comes first
    assert steps(wall) == [("publish", (1, 3, 5), 0)]


def test_a_message_has_its_bounds() -> None:
    wall = Wall(size=10)
    wall.write(*range(1, 201, 2))
    wall.now += LAG + 1
    assert [len(e) for _, e, _ in steps(wall)] == [ABLE.gather_most, ABLE.gather_most, 10]
    wall = Wall(size=10 * SHORT)
    wall.write(*range(1, 201, 2))
    wall.now += LAG + 1
    sizes = [len(e) for _, e, _ in steps(wall)]
    assert sum(sizes) == 100
    assert ABLE.gather_room // (SHORT + FRAME) < max(sizes) <= ABLE.gather_room // (SHORTEST + FRAME)


def test_words_are_cut_further_only_for_those_that_are_late() -> None:
    """At so many answers a second a message takes those that would wait longer, and nobody else's words suffer."""
    easy = ABLE.gather_room // (SHORT + FRAME)
    wall = Wall(size=10 * SHORT)
    wall.write(1, 3, 5)
    wall.now += LAG - LATE + 1
    wall.write(*range(7, 201, 2))
    wall.now += LATE
    assert next(len(e) for _, e, _ in steps(wall)) == easy
    wall = Wall(size=10 * SHORT)
    wall.write(*range(1, 65, 2))
    wall.now += LAG - LATE + 1
    wall.write(*range(65, 201, 2))
    wall.now += LATE
    assert next(len(e) for _, e, _ in steps(wall)) == 32 > easy


def test_edits_update_in_place() -> None:
    wall = Wall()
    wall.write(1)
    wall.settle()
    wall.write(1)
    assert steps(wall) == [("update", (1,), 1)]
    assert wall.shown() == {1: 2}


def test_an_edit_in_flight_follows_once() -> None:
    wall = Wall()
    wall.write(1)
    wall.begin()
    wall.write(1)
    wall.write(1)
    assert wall.begin() is None, "one step of a message at a time"
    wall.sent()
    assert steps(wall) == [("update", (1,), 1)]
    assert wall.shown() == {1: 3}


def test_an_edit_undone_needs_nothing() -> None:
    wall = Wall()
    wall.write(1)
    wall.settle()
    wall.hide(1)
    wall.show(1)
    assert steps(wall) == []


def test_what_must_go_waits_for_nothing() -> None:
    """Neither for an edit nor for a new message that is on its way; nor do these wait for each other."""
    wall = Wall()
    wall.write(1, 2, 4, 6)
    wall.settle()
    wall.write(1, 3)
    begun = [wall.begin("mirror"), wall.begin("edits")]
    wall.hide(2)
    begun.append(wall.begin("removals"))
    assert [(s.act, s.entries) for s in begun if s] == [("publish", (3,)), ("update", (1,)), ("retract", ())]
    wall.sent("removals")
    assert 2 not in wall.shown()
    wall.hide(4)
    assert wall.begin("removals")


def test_what_must_go_waits_for_its_own_message() -> None:
    wall = Wall()
    wall.write(1)
    wall.settle()
    wall.write(1)
    wall.begin("edits")
    wall.hide(1)
    assert wall.begin("removals") is None
    wall.sent()
    assert steps(wall) == [("retract", (), 1)]


def test_what_goes_takes_edits_in_its_message_along() -> None:
    wall = Wall()
    wall.write(1, 3, 5)
    wall.now += LAG + 1
    wall.settle()
    wall.write(1)
    wall.hide(5)
    assert wall.begin("edits") is None
    assert steps(wall) == [("update", (1, 3), 1)]
    assert wall.shown() == {1: 2, 3: 1}


def test_a_gathered_message_lives_on_without_one_of_its_entries() -> None:
    wall = Wall()
    wall.write(1, 3, 5)
    wall.now += LAG + 1
    wall.settle()
    wall.hide(3)
    assert steps(wall) == [("update", (1, 5), 1)]
    wall.hide(1, 5)
    assert steps(wall) == [("retract", (), 1)]
    wall.show(3)
    assert steps(wall) == [("publish", (3,), 0)]


def test_hidden_before_it_was_sent() -> None:
    wall = Wall()
    wall.write(1)
    wall.hide(1)
    assert steps(wall) == []


def test_what_cannot_be_updated_goes_and_comes_again() -> None:
    wall = Wall()
    wall.write(1)
    wall.settle()
    wall.write(1)
    wall.begin()
    wall.refused()
    assert steps(wall) == [("retract", (), 1), ("publish", (1,), 0)]
    assert wall.given_up == set()


def test_refused_in_company_they_come_half_as_many_at_a_time() -> None:
    """One that no message can hold takes nobody along."""
    wall = Wall()
    wall.write(*range(1, 17, 2))
    wall.now += LAG + 1
    sizes = []
    while step := wall.begin():
        sizes.append(len(step.entries))
        (wall.refused if 5 in step.entries else wall.sent)()
        wall.now += LAG + 1
    assert sizes == [8, 4, 2, 2, 1, 1, 4]
    assert wall.given_up == {5}
    assert sorted(wall.shown()) == [1, 3, 7, 9, 11, 13, 15]


def test_refused_in_company_they_go_one_by_one() -> None:
    wall = Wall()
    wall.write(1, 3)
    wall.now += LAG + 1
    wall.begin()
    wall.refused()
    wall.now += LAG + 1
    assert steps(wall) == [("publish", (1,), 0), ("publish", (3,), 0)]


def test_refused_alone_is_the_hosts_business() -> None:
    wall = Wall()
    wall.write(1)
    wall.begin()
    wall.refused()
    assert (wall.given_up, wall.copies.failed, steps(wall)) == ({1}, {1: "no"}, [])


@pytest.mark.parametrize("hidden", [True, False])
def test_a_dropped_step_is_looked_at_anew(hidden: bool) -> None:
    wall = Wall()
    wall.write(1)
    wall.begin()
    if hidden:
        wall.hide(1)
    wall.dropped()
    assert steps(wall) == ([] if hidden else [("publish", (1,), 0)])
    assert not wall.copies.failed


# ---------------------------------------------------------------- any interleaving


class Interleaving(RuleBasedStateMachine):
    """Entries are written, hidden and shown, steps begin, succeed and fail, in any order."""

    wall: Wall

    @initialize(size=st.sampled_from([10, 300, 20_000]))
    def start(self, size: int) -> None:
        self.wall = Wall(size)

    @rule(no=ENTRIES)
    def write(self, no: int) -> None:
        self.wall.write(no)

    @rule(no=ENTRIES)
    def hide(self, no: int) -> None:
        self.wall.hide(no)

    @rule(no=ENTRIES)
    def show(self, no: int) -> None:
        self.wall.show(no)

    @rule(seconds=st.integers(0, 8))
    def wait(self, seconds: int) -> None:
        self.wall.now += seconds * SECOND

    @rule(lane=st.sampled_from(STREAMS))
    def begin(self, lane: Lane) -> None:
        self.wall.begin(lane)

    @precondition(lambda self: self.wall.flying)
    @rule(how=st.sampled_from(["sent", "sent", "sent", "refused", "dropped"]), data=st.data())
    def end(self, how: str, data: st.DataObject) -> None:
        getattr(self.wall, how)(data.draw(st.sampled_from(sorted(self.wall.flying))))

    @invariant()
    def nothing_twice(self) -> None:
        shown: list[Any] = [no for shows in self.wall.standing.values() for no in shows]
        assert len(set(shown)) == len(shown)

    def teardown(self) -> None:
        wall = self.wall
        wall.settle()
        assert {n: r for n, r in wall.shown().items() if n not in wall.given_up} == {
            n: r for n, r in wall.wanted.items() if n not in wall.given_up
        }
        assert wall.copies.waiting == {}
        held = {no: m.no for m in wall.copies.messages.values() for no in m.entries}
        assert wall.copies.where == held


TestAnyInterleaving = Interleaving.TestCase
TestAnyInterleaving.settings = settings(max_examples=200, stateful_step_count=40)
