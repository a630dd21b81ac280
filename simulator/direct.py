"""A rehearsal as its director sees it: servers, people, hosts and the page's reader under one roof."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from simulator import given, leaving, plan
from simulator.clock import Clock
from simulator.compare import Finding
from simulator.consents import Consents
from simulator.drafts import Composer
from simulator.evidence import Servers, gather
from simulator.faults import HARSH, MILD, Faults
from simulator.figures import latencies, report
from simulator.hosts import Hosts
from simulator.ledger import Ledger, Questions
from simulator.people import Hours, People
from simulator.reader import Reader
from simulator.stage import Person, Stage
from simulator.traces import files, messages, traces
from simulator.words import Words

if TYPE_CHECKING:
    from simulator.hosting import Hosting

Answer: TypeAlias = dict[str, Any]

SECOND = 1_000_000
TICK = 0.01  # real seconds between two looks at the clock
OPENING = 10.0  # real seconds the page has to open its stream
CLOSING = 0.7  # real seconds that closing the servers may take
FIRST, LAST = 60 * SECOND, 180 * SECOND  # no fault so soon after the start or so near to the end
LEVELS: dict[str, tuple[str, ...]] = {"none": (), "mild": MILD, "harsh": HARSH}


class Unplayed(Exception):
    """A network that nobody can play."""


@contextlib.asynccontextmanager
async def rehearsing(scenario: Mapping[str, Any]) -> AsyncIterator[Rehearsal]:
    """Start the servers, then let the people live until the block is left."""
    rehearsal = Rehearsal(scenario)
    try:
        for stage in rehearsal.stages.values():
            await stage.start()
        async with asyncio.TaskGroup() as tasks:
            rehearsal.begin(tasks)
            try:
                yield rehearsal
            finally:
                rehearsal.end()
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSING):
                await asyncio.gather(*(s.stop() for s in rehearsal.stages.values()), return_exceptions=True)


class Rehearsal:
    """Everything of one scenario (see `python -m simulator` for its keys)."""

    def __init__(self, scenario: Mapping[str, Any]) -> None:
        self.scenario = scenario
        self.clock = Clock(Path(scenario["clock"]) if scenario.get("clock") else None)
        self.faults = Faults(self.clock.now)
        self.platforms = {n["name"]: str(n["kind"]) for n in scenario["networks"]}
        self.listening = {str(n["name"]) for n in scenario["networks"] if not n.get("post", True)}
        self.real = frozenset(scenario.get("real", ()))  # networks without a stand-in
        self.stages = {str(n["name"]): self._stage(n) for n in scenario["networks"]}
        self._federate()
        self.questions = Questions(scenario["questions"])
        self.ledger = Ledger(self.questions)
        self.people = self._people()
        self.consents = Consents(
            self.stages, self.people.accounts, self.ledger, scenario["late_until"], scenario["seed"]
        )
        self.reader = Reader()
        self.begun: Answer = {}  # the answer to the scenario
        self._tasks: asyncio.TaskGroup | None = None
        self._running: list[asyncio.Task[None]] = []

    def begin(self, tasks: asyncio.TaskGroup) -> None:
        """Let everybody join and live; the servers are up."""
        scenario = self.scenario
        first = scenario["starts"] + FIRST
        last = max(first, scenario["ends"] - LAST)
        self.faults.plan(scenario["faults"], self.stages, first, last, scenario["seed"])
        handles = self.people.join()
        hosts = {
            network: [p for (_, at), p in self.people.accounts.items() if p.host and at == network]
            for network in self.stages
        }
        busy = scenario.get("script") == "busy"
        self.hosts = Hosts(self.stages, hosts, self.questions, scenario["seed"], early=not busy)
        self.hosting = self._hosting(hosts) if busy else None
        self.begun = {"networks": {name: s.access() for name, s in self.stages.items()}, "hosts": handles}
        self._tasks = tasks
        self._running.append(tasks.create_task(self._live(), name="people and hosts"))

    def end(self) -> None:
        """Let nothing more happen."""
        for task in self._running:
            task.cancel()

    async def _live(self) -> None:
        while True:
            now = self.clock.now()
            self.people.step(now)
            self.hosts.step(now)
            if self.hosting is not None:
                self.hosting.step(now)
            self.consents.step(now)
            await asyncio.sleep(TICK)

    # ------------------------------------------------------------ what the director asks

    async def pace(self) -> Answer:
        """How far the people are and when something happens next."""
        people, hosting = self.people, self.hosting
        due = min((t for t in (people.next, self.consents.next) if t is not None), default=None)
        return {
            "next": due,
            "busy": (due is not None and due <= self.clock.now())
            or self.hosts.waiting > 0
            or (hosting is not None and hosting.busy),
            "written": people.written,
            "planned": len(people.plan.posts),
            "finished": people.finished and self.consents.finished and (hosting is None or hosting.finished),
            "fired": self._fired(),
        }

    async def hours(self, ends: int, late_until: int) -> Answer:
        """Real hosts moved the end of the chat, or closed it."""
        self.people.told(ends, late_until)
        return {"ends": ends}

    async def edited(self, texts: Sequence[str]) -> Answer:
        """The config was edited: these are its questions now."""
        self.questions.edited(texts)
        return {"questions": len(texts)}

    async def page(self, url: str) -> Answer:
        """Open the page at `url` and stay on it (instead of the one before). Raises TimeoutError if its
        stream cannot be opened."""
        assert self._tasks is not None
        for task in self._running[1:]:
            task.cancel()
        del self._running[1:]
        self._running.append(self._tasks.create_task(self.reader.follow(url), name="reader"))
        async with asyncio.timeout(OPENING):
            await self.reader.connected()
        return {"reading": url}

    async def compare(self, transcript: str) -> Answer:
        """Write servers.json and compare it with the transcript and with what the page served."""
        if len(self._running) > 1:
            await self.reader.last_look(self.scenario["chat"])
        servers = self.ledger.servers(self.stages)
        taken = self.ledger.taken(self.stages)
        return await asyncio.to_thread(self._compare, servers, taken, Path(transcript))

    def _compare(self, servers: Servers, taken: Mapping[str, float], transcript: Path) -> Answer:
        out = Path(self.scenario["out"])
        out.mkdir(parents=True, exist_ok=True)
        written = json.dumps(servers, ensure_ascii=False, indent=1)
        (out / "servers.json").write_text(written, encoding="utf-8")
        mirrors = [name for name, kind in self.platforms.items() if kind == "slack"]
        evidence = gather(
            json.loads(written),
            self._simulated(json.loads(transcript.read_text(encoding="utf-8"))),
            self.reader.page(),
            mirrors,
            self.listening,
        )
        found = report(evidence)
        if self.real and not mirrors:
            found["slack_copies"] = None  # nobody here sees them
        if self.hosting is not None:
            found["hosts"] = self.hosting.came()
            acts = json.dumps(self.hosting.scene.acts, ensure_ascii=False, indent=1)
            (out / "hosts.json").write_text(acts, encoding="utf-8")
        return found | {
            "faults": self._fired(),
            "latency_ms": latencies(taken, self.reader.arrivals().first),
        }

    def _simulated(self, transcript: Answer) -> Answer:
        """A transcript without what real people are the source of: of that nothing is known here."""
        for entry in transcript["entries"] if self.real else ():
            entry["sources"] = [s for s in entry["sources"] if s["network"] not in self.real]
        return transcript

    async def traces(self) -> Answer:
        """Look for words of people who asked to be forgotten, and for secrets, in everything the bridge leaves
        behind. After it has ended, and before: some files are there only as long as it runs."""
        servers = self.ledger.servers(self.stages)
        places = messages(self.stages) | self.reader.served()
        out = Path(self.scenario["out"])
        secrets = {name: set(getattr(stage, "given", ())) for name, stage in self.stages.items()}

        def look() -> list[Finding]:
            written = json.dumps({name: sorted(some) for name, some in secrets.items()}, indent=1)
            (out / "secrets.json").write_text(written, encoding="utf-8")
            held = places | files(out)
            return traces(servers, held) + given.found(secrets, held)

        return {"leaked": await asyncio.to_thread(look)}

    def _fired(self) -> dict[str, int]:
        """How often each kind of fault of this level struck so far."""
        return {kind: self.faults.fired[kind] for kind in LEVELS[self.scenario["faults"]]}

    # ------------------------------------------------------------ who and where

    def _stage(self, network: Mapping[str, Any]) -> Stage:
        """The stand-in server of a network, by its kind."""
        kind = network["kind"]
        try:
            module = importlib.import_module(f"simulator.{kind}")
        except ModuleNotFoundError as error:
            if error.name != f"simulator.{kind}":
                raise
            raise Unplayed(
                f"there is no stand-in for a network of kind {kind}. To rehearse with the others, leave "
                f"[networks.{network['name']}] out of a copy of the config."
            ) from None
        options = {**network, "tag": self.scenario["tag"]}
        stage: Stage = module.Server(network["name"], self.clock, self.faults, options)
        return stage

    def _federate(self) -> None:
        """Every Mastodon server holds what anybody may read of the others."""
        servers: list[Any] = [
            self.stages[name] for name, kind in self.platforms.items() if kind == "mastodon"
        ]
        for one, other in itertools.combinations(servers, 2):
            one.federate(other)

    def _hosting(self, hosts: Mapping[str, list[Person]]) -> Hosting:
        """Hosts who run the hour by themselves, in the first Slack there is."""
        from simulator.hosting import Hosting, visitors

        scenario, people = self.scenario, self.people
        rooms = [name for name, kind in self.platforms.items() if kind == "slack"]
        posting = [name for name in self.platforms if name not in self.listening and name not in rooms]
        seed, tag = scenario["seed"], scenario["tag"]
        coming = visitors.join(
            self.stages,
            self.ledger,
            tag,
            rooms=rooms,
            agreed=rooms[0] in people.composer.agreed,
            others=posting,
            names=Words().names,
            seed=seed,
        )
        people.accounts.update({(who.handle, who.network): who for who in coming.everybody})
        self.consents.decided.update(coming.decided)
        return Hosting(
            self.stages,
            hosts[rooms[0]],
            coming,
            self.ledger,
            posting=posting,
            steady=plan.steady(people.plan),
            hours=people.hours,
            told=people.told,
            seed=seed,
        )

    def _people(self) -> People:
        scenario, words = self.scenario, Words()
        seed = scenario["seed"]
        planned = plan.make(
            seed=seed,
            participants=scenario["participants"],
            answers=scenario["answers"],
            networks=self.platforms,
            questions=len(self.questions.labels),
            hosts=[host["name"] for host in scenario["hosts"]],
            roles=words.roles,
            names=words.names,
        )
        planned = leaving.choose(
            planned,
            seed=seed,
            participants=scenario["participants"],
            networks=self.platforms,
            questions=len(self.questions.labels),
        )
        planned = plan.hurried(planned, scenario.get("hurry", 1.0))
        composer = Composer(
            words=words,
            questions=self.questions,
            tag=scenario["tag"],
            platforms=self.platforms,
            seed=seed,
            agreed=[n["name"] for n in scenario["networks"] if n.get("public") == "yes"],
        )
        return People(
            plan=planned,
            stages=self.stages,
            composer=composer,
            ledger=self.ledger,
            hours=Hours(scenario["starts"], scenario["ends"], scenario["late_until"]),
            seed=seed,
            listening=self.listening,
            steered=bool(self.real),
        )
