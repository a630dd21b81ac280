"""The scripted hosts, in a room that is kept in memory."""

from __future__ import annotations

from collections import Counter
from typing import Any

from simulator.hosts import Hosts
from tests.unit.paper import DUE, MINUTE, SECOND, Hour


def control(verb: str, item: str, on: str | None = None) -> dict[str, Any]:
    value = {"chat": "c", "item": item, "on": on}
    return {"action_id": f"chatbridge:{verb}", "value": value, "channel": "C2", "ts": "1.0"}


def hosts_of(hour: Hour) -> Hosts:
    people = {n: [p for p in s.people.values() if p.host] for n, s in hour.stages.items()}
    return Hosts(hour.stages, people, hour.questions, seed=7)


def step_for(hour: Hour, hosts: Hosts, seconds: int) -> None:
    for _ in range(seconds):
        hour.time += SECOND
        hosts.step(hour.time)


def test_hosts_post_what_is_held_within_ten_seconds_once() -> None:
    hour = Hour()
    hosts, slack = hosts_of(hour), hour.stages["slack"]
    slack.controls = [control("post", "q3", "mastodon"), control("post", "q3", "bluesky")]
    step_for(hour, hosts, 10)
    assert Counter(c["value"]["on"] for _, c, _ in slack.used) == {"mastodon": 1, "bluesky": 1}
    assert all(handle.startswith("host-") for handle, _, _ in slack.used)


def test_hosts_show_an_entry_that_was_held_back_and_leave_other_buttons_alone() -> None:
    hour = Hour()
    hosts, slack = hosts_of(hour), hour.stages["slack"]
    slack.controls = [
        control("show", "12"),
        control("hide", "12"),
        control("skip", "q1"),
        control("next", "q1"),
    ]
    step_for(hour, hosts, 10)
    assert [c["action_id"] for _, c, _ in slack.used] == ["chatbridge:show"]


def test_hosts_press_again_if_nobody_was_there_or_the_button_stays() -> None:
    hour = Hour()
    hosts, slack = hosts_of(hour), hour.stages["slack"]
    slack.controls = [control("post", "q3", "mastodon")]
    slack.connected = False
    step_for(hour, hosts, 10)
    assert not slack.used
    assert hosts.waiting == 1
    slack.connected = True
    step_for(hour, hosts, 8)
    assert len(slack.used) == 1
    step_for(hour, hosts, 30)
    assert len(slack.used) == 2
    step_for(hour, hosts, 300)
    assert len(slack.used) == 5, "and give up some time"
    assert hosts.waiting == 0


def test_two_hosts_press_next_at_the_same_moment_once_and_shortly_before_its_time() -> None:
    hour = Hour()
    hosts, slack = hosts_of(hour), hour.stages["slack"]
    slack.controls = [control("next", "q2")]
    hour.time = DUE[0]
    hour.ask(0)
    step_for(hour, hosts, 45 * 60)
    (one, pressed, at), (other, again, then) = slack.used
    assert one != other
    assert pressed is again
    assert at == then
    assert 0 < DUE[1] - at < 2 * MINUTE
