"""`python -m simulator`: one process with the stand-in servers, the people, the hosts and the page's reader.

Driven by JSON lines on stdin, each answered by one on stdout (an `error` if it could not be done). The first
is the scenario; times are chat time, microseconds since 1970 UTC:

    {"clock": path or null, "seed", "participants", "answers", "faults": "none|mild|harsh", "out": folder,
     "tag", "starts", "ends", "late_until", "questions": [{"label", "text", "due"?}],
     "networks": [{"name", "kind", "post"?, "layout"?, "public"?}], "chat": its id, "hosts": [{"name"}],
     "real": [names of networks with real hosts and no stand-in]?, "hurry": factor of everybody's time?,
     "script": "busy" for hosts who run the hour by themselves?}

Then {"do": "pace"}, {"do": "page", "url"}, {"do": "hours", "ends", "late_until"}, {"do": "edited", "questions":
[text]}, {"do": "compare", "transcript": path}, {"do": "traces"}, as often as one likes. Ends at {"do": "end"}, end of
file or SIGTERM.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

from simulator.direct import Rehearsal, Unplayed, rehearsing

Answer: TypeAlias = dict[str, Any]

LONGEST = 1 << 20  # bytes of one line

log = logging.getLogger("simulator")


async def lines() -> AsyncIterator[Answer]:
    """What we are told to do, until stdin ends."""
    reader = asyncio.StreamReader(limit=LONGEST)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        if line.strip():
            yield json.loads(line)


def answer(what: Answer) -> None:
    """One line on stdout."""
    sys.stdout.write(json.dumps(what, ensure_ascii=False) + "\n")
    sys.stdout.flush()


async def obey(rehearsal: Rehearsal, command: Answer) -> Answer:
    """Do one thing; what went wrong is an answer, too."""
    verbs: dict[str, Callable[[], Awaitable[Answer]]] = {
        "pace": rehearsal.pace,
        "page": lambda: rehearsal.page(command["url"]),
        "hours": lambda: rehearsal.hours(command["ends"], command["late_until"]),
        "edited": lambda: rehearsal.edited(command["questions"]),
        "compare": lambda: rehearsal.compare(command["transcript"]),
        "traces": rehearsal.traces,
    }
    if (verb := verbs.get(command.get("do", ""))) is None:
        return {"error": f"nobody here can {command.get('do')!r}; known: {', '.join(verbs)}, end"}
    try:
        return await verb()
    except Exception as error:  # the director decides what becomes of it
        log.exception("%s failed", command["do"])
        return {"error": f"{command['do']}: {type(error).__name__}: {error}"}


async def converse() -> None:
    """Read the scenario, stage it, and do what follows."""
    told = lines()
    scenario = await anext(told, None)
    if scenario is None:
        return
    try:
        async with rehearsing(scenario) as rehearsal:
            answer(rehearsal.begun)
            async for command in told:
                if command.get("do") == "end":
                    answer({"done": True})
                    return
                answer(await obey(rehearsal, command))
    except Unplayed as error:
        answer({"error": str(error)})


async def main() -> None:
    """Converse until the end or until SIGTERM."""
    loop, talk = asyncio.get_running_loop(), asyncio.current_task()
    assert talk is not None
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever directs us, and they end us
    loop.add_signal_handler(signal.SIGTERM, talk.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await converse()


if __name__ == "__main__":
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    asyncio.run(main())
