"""Whether a config could run now: what nobody has filled in yet, which secrets are missing, what is past."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from bridge.chat import runsheet
from bridge.config import Config
from bridge.errors import Mistake
from bridge.model import Micros
from bridge.secrets import variable
from bridge.tables import Findings, joined
from bridge.when import local, moment

_PLACEHOLDER = re.compile(
    r"…|\.\.\.|(?:^|[/.@])example(?:\.(?:com|org|net|edu))?(?=$|[/:])|\.(?:example|invalid)(?=$|[/:])"
)


def missing_secrets(config: Config) -> tuple[Mistake, ...]:
    """The secrets a network needs and does not have. Rehearsing needs none."""
    return tuple(
        Mistake(
            str(config.path),
            f"networks.{net.name}",
            "",
            f"the {secret.replace('_', ' ')} of your {net.platform.title} account",
            f"Set {variable(net.name, secret)}, or {variable(net.name, secret)}_FILE to a file that holds "
            f"it; or let `chatbridge login {net.name}` get it.",
        )
        for net in config.networks
        for secret in net.platform.secrets
        if secret not in net.secrets
    )


def not_ready(config: Config, now: Micros) -> tuple[Mistake, ...]:
    """Why this config cannot run at `now`: placeholders that nobody has filled in, and no chat ahead.

    A network with an `api` key is a test's or a proxy's: its placeholders do no harm. A chat counts until its
    late window has closed, so that a run can be started again in the middle of one.
    """
    found = Findings(str(config.path))
    for key, value in _placeholders(config):
        table = key.rpartition(".")[0]
        rest = f"the table [{table}]" if table.startswith("networks.") else "the line"
        found.mistake(
            key, value, "your own, not the placeholder", f"Put yours in its place, or take {rest} out."
        )
    chats = config.community.chats
    if all(chat.late_until <= now for chat in chats):
        for n, chat in enumerate(chats):
            start = local(chat.starts, config.community.zone)
            mend = "Give the chat its new date, or add another chat."
            found.mistake(f"chats[{n}].starts", start, "a start in the future; this one is past", mend)
    return tuple(found.mistakes)


def passed(config: Config, now: Micros) -> tuple[Mistake, ...]:
    """What will not be posted though its chat is still ahead: announcements and reminders whose time is past."""
    found = Findings(str(config.path))
    zone = config.community.zone
    for n, chat in enumerate(config.community.chats):
        late = [i for i in runsheet.build(chat).items if i.due <= now < chat.starts]
        for item in late:
            key = f"chats[{n}].{'announce' if item.kind == 'announcement' else 'remind'}"
            words = f"a time still ahead; this was due on {moment(item.due, zone)}"
            found.warn(key, item.label, words, "It is left out. Say it yourselves, if people should know.")
    return tuple(found.warnings)


def _placeholders(config: Config) -> Iterator[tuple[str, str]]:
    """Key and value of everything that still says "example" or "…"."""
    if config.community.page and _PLACEHOLDER.search(config.community.page):
        yield "community.page", config.community.page
    for n, chat in enumerate(config.community.chats):
        if chat.article and _PLACEHOLDER.search(chat.article):
            yield f"chats[{n}].article", chat.article
        for h, host in enumerate(chat.hosts):
            for name, handle in host.handles:
                if _PLACEHOLDER.search(handle):
                    yield f"chats[{n}].hosts[{h}].{name}", handle
    for network in config.networks:
        if network.elsewhere:
            continue
        for field in msgspec.structs.fields(network.settings):
            value = getattr(network.settings, field.name)
            for text in value if isinstance(value, list | tuple) else (value,):
                if isinstance(text, str) and _PLACEHOLDER.search(text):
                    yield joined(f"networks.{network.name}", field.encode_name), text
    if config.community.signpost in ("…", "..."):
        yield "consent.signpost", config.community.signpost
