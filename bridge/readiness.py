"""Whether a config could run now: what nobody has filled in yet, which secrets are missing, what is past."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import msgspec

from bridge.chat import runsheet
from bridge.chat.configuring import unheld
from bridge.chat.state import State
from bridge.chat.verbs.sheet import closed
from bridge.config import Config
from bridge.errors import Mistake
from bridge.model import Micros
from bridge.secrets import variable
from bridge.settings import Chat
from bridge.tables import Findings, joined
from bridge.when import local, moment

SECRET = 12  # characters from which on one is no word that people write
_LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|::1")
_PLACEHOLDER = re.compile(
    r"…|\.\.\.|(?:^|[/.@])example(?:\.(?:com|org|net|edu))?(?=$|[/:])|\.(?:example|invalid)(?=$|[/:])"
)


def missing_secrets(config: Config) -> tuple[Mistake, ...]:
    """The networks that lack secrets they need. Rehearsing needs none."""
    found = []
    for net in config.networks:
        lacking = [secret for secret in net.platform.secrets if secret not in net.secrets]
        if not lacking:
            continue
        names = [variable(net.name, secret) for secret in lacking]
        what = " and ".join(f"the {secret.replace('_', ' ')}" for secret in lacking)
        mend = (
            f"Log in with: chatbridge login {net.name}\n    Or set {' and '.join(names)}; or "
            f"{' and '.join(f'{name}_FILE' for name in names)}, to a file that holds it."
        )
        of = f"{what} of your {net.platform.title} account"
        found.append(Mistake(str(config.path), f"networks.{net.name}", "", of, mend))
    return tuple(found)


def not_ready(config: Config, now: Micros, *, staying: bool = False) -> tuple[Mistake, ...]:
    """Why this config cannot run at `now`: placeholders that nobody has filled in, a secret in a text, and no chat
    ahead. A chat counts until its late window has closed, so that a run can be started again in the middle of one;
    `staying`: beyond that as well, since its page is kept up and what people remove is followed."""
    found = placeholders(config) + pasted(config, known(config))
    return found + (() if staying else _all_past(config, now))


def placeholders(config: Config) -> tuple[Mistake, ...]:
    """What nobody has filled in yet. A network with an `api` key is a test's or a proxy's: there it does no harm."""
    found = Findings(str(config.path))
    for file, key, value in _placeholders(config):
        table = key.rpartition(".")[0]
        rest = f"the table [{table}]" if table.startswith("networks.") else "the line"
        mend = f"Put yours in its place, or take {rest} out."
        found.within(file).mistake(key, value, "your own, not the placeholder", mend)
    return tuple(found.mistakes)


def pasted(config: Config, secrets: Iterable[str]) -> tuple[Mistake, ...]:
    """Where one of the `secrets` stands in a text of the config: it would be posted."""
    found = Findings(str(config.path))
    own, told = [secret for secret in secrets if len(secret) >= SECRET], config.community
    parts: list[tuple[str, str, object]] = [
        (str(config.path), key, value) for key, value in config.fixed.items()
    ]
    parts.append((str(config.path), "community", msgspec.structs.replace(told, chats=())))
    parts += [(file, at, chat) for chat, (file, at) in zip(told.chats, config.places, strict=True)]
    for file, at, part in parts:
        words = str(msgspec.to_builtins(part))
        if any(secret in words for secret in own):
            mend = "Take it out, and make a new one where it is from: others may have read it here."
            found.within(file).mistake(at, "", "texts without a secret", mend)
    return tuple(found.mistakes)


def known(config: Config) -> tuple[str, ...]:
    """The secrets that this config was read with."""
    broker = config.mqtt.secrets.get("password") if config.mqtt else None
    own = (secret for network in config.networks for secret in network.secrets.values())
    return (*own, *([broker] if broker else []))


def _all_past(config: Config, now: Micros) -> tuple[Mistake, ...]:
    found = Findings(str(config.path))
    chats = config.community.chats
    if any(chat.late_until > now for chat in chats):
        return ()
    for chat, (file, at) in zip(chats, config.places, strict=True):
        start = local(chat.starts, config.community.zone)
        mend = "Give the chat its new date, or add another chat."
        found.within(file).mistake(f"{at}.starts", start, "a start in the future; this one is past", mend)
    return tuple(found.mistakes)


def used_again(config: Config, state: State) -> tuple[Mistake, ...]:
    """Chats of the config that have the id of one that was held: they would be taken for done."""
    found = Findings(str(config.path))
    for chat, (file, at) in zip(config.community.chats, config.places, strict=True):
        held = state.chats.get(chat.id)
        if held is not None and closed(held) and not unheld(held) and chat.starts > held.sheet.ends:
            expected = "an id of its own; this one has been held and stays in the journal"
            found.within(file).mistake(
                f"{at}.id", chat.id, expected, f'Write for example: id = "{chat.id}-2"'
            )
    return tuple(found.mistakes)


def passed(config: Config, now: Micros) -> tuple[Mistake, ...]:
    """What will not be posted though its chat is still ahead: announcements and reminders whose time is past."""
    found = Findings(str(config.path))
    zone = config.community.zone
    for chat, (file, at) in zip(config.community.chats, config.places, strict=True):
        for item in (item for item in runsheet.build(chat).items if too_late(item, chat, now)):
            key = f"{at}.{'announce' if item.kind == 'announcement' else 'remind'}"
            words = f"a time still ahead; this was due on {moment(item.due, zone)}"
            mend = "It is left out. Say it yourselves, if people should know."
            found.within(file).warn(key, item.label, words, mend)
    return tuple(found.warnings)


def too_late(item: runsheet.Item, chat: Chat, now: Micros) -> bool:
    """Whether an item's time is past though its chat is still ahead."""
    return item.due <= now < chat.starts


def unseen(config: Config) -> tuple[Mistake, ...]:
    """A page that is announced to everybody and served to this machine alone."""
    found = Findings(str(config.path))
    host = urlsplit(config.community.page or "").hostname
    if host and not _LOOPBACK.fullmatch(host) and _LOOPBACK.fullmatch(config.web.host):
        expected = f"an address that visitors of {config.community.page} can reach"
        mend = f"Fine if a web server on this machine passes them on to port {config.web.port}."
        mend += ' Else: host = "0.0.0.0"'
        found.warn("web.host", config.web.host, expected, mend)
    return tuple(found.warnings)


def unsteered(config: Config) -> tuple[Mistake, ...]:
    """Chats that hosts could not steer from where they are meant to."""
    found = Findings(str(config.path))
    rooms = [network for network in config.networks if network.platform.mirror]
    asked = [room for room in rooms if not getattr(room.settings, "hosts_group", "")]
    for chat, (file, at) in zip(config.community.chats, config.places, strict=True):
        named = {name for host in chat.hosts for name, _ in host.handles}
        for room in asked if chat.hosts else ():
            if room.name not in named:
                expected = f"a host with an account in {room.platform.title}"
                mend = f'Nobody can press the board\'s buttons. Add {room.name} = "…" to those who shall.'
                found.within(file).warn(f"{at}.hosts", "", expected, mend)
        if chat.hosts and not rooms and not named:
            mend = "Nobody can steer but with `chatbridge tell`. Add their handles below their names."
            found.within(file).warn(f"{at}.hosts", "", "a host with an account", mend)
    return tuple(found.warnings)


def _placeholders(config: Config) -> Iterator[tuple[str, str, str]]:
    """File, key and value of everything that still says "example" or "…"."""
    own = str(config.path)
    if config.community.page and _PLACEHOLDER.search(config.community.page):
        yield own, "community.page", config.community.page
    for chat, (file, at) in zip(config.community.chats, config.places, strict=True):
        if chat.article and _PLACEHOLDER.search(chat.article):
            yield file, f"{at}.article", chat.article
        for h, host in enumerate(chat.hosts):
            for name, handle in host.handles:
                if _PLACEHOLDER.search(handle):
                    yield file, f"{at}.hosts[{h}].{name}", handle
    for network in config.networks:
        if network.elsewhere:
            continue
        for field in msgspec.structs.fields(network.settings):
            value = getattr(network.settings, field.name)
            for text in value if isinstance(value, list | tuple) else (value,):
                if isinstance(text, str) and _PLACEHOLDER.search(text):
                    yield own, joined(f"networks.{network.name}", field.encode_name), text
    if config.community.signpost in ("…", "..."):
        yield own, "consent.signpost", config.community.signpost
