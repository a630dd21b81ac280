"""config.toml -> frozen settings, with every mistake found at once.

The file's own tables are the structs below; a network's table belongs to its platform. What depends on the
clock or on secrets being there is asked separately (`bridge.readiness`): a config may be checked
and rehearsed long before it can run.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from bridge import hosts, include, plan, proofread
from bridge.errors import ConfigError, Mistake
from bridge.include import Files
from bridge.model import HOUR, Network
from bridge.ports import Platform
from bridge.secrets import Secrets, folder, gather, variable
from bridge.settings import Community, Net
from bridge.tables import SECRET, Findings, decode, read, refuse_secret

GROUP = "chatbridge.adapters"
HOST = "CHATBRIDGE_HOST"  # the variable that may say where the page listens
AT_START = (("community", "journal"), ("consent", "keep_text_days"))  # beside networks, page and broker
Platforms: TypeAlias = Mapping[str, Callable[[], Platform]]  # kind -> loads it

_PORT = r"([0-9]{1,4}|[0-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_ADDRESS = rf"^(\[[0-9A-Fa-f:]+\]|[^\s:/@\[\]]+):{_PORT}$"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
RESERVED = frozenset({"name", "public", "core"})  # a key of a host's table beside the networks' names; topics


class Table(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A table of the config. Defaults of keys that are required only let the rest be checked."""


class CommunityTable(Table, frozen=True):
    name: Annotated[str, Meta(examples=['"The Co-Creation Network"'])] = ""
    timezone: Annotated[str, Meta(examples=['"Europe/London"'])] = "UTC"
    language: Annotated[str, plan.LANGUAGE] = "en"
    page: Annotated[str | None, Meta(examples=['"https://chat.example.org"'])] = None
    journal: Annotated[str, Meta(examples=['"data/chatbridge.db"'])] = "data/chatbridge.db"


class Web(Table, frozen=True):
    """The page: where it listens, how many seconds it lags on purpose, whether it shows pictures. `metrics`: host
    and port of /metrics, /healthz and /readyz; "": the page's."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, examples=["8080"])] = 8080
    delay_seconds: Annotated[float, Meta(ge=0, le=3600, examples=["30"])] = 0
    pictures: bool = False
    metrics: Annotated[str, Meta(pattern=_ADDRESS, examples=['"127.0.0.1:9100"'])] = ""

    @property
    def watched(self) -> tuple[str, int] | None:
        """Where /metrics is, if not beside the page."""
        host, _, port = self.metrics.rpartition(":")
        return (host.strip("[]"), int(port)) if self.metrics else None


class Consent(Table, frozen=True):
    """`outward`: whether Slack members may send their own words out ("asked": one by one, each approved by a
    host). `signpost`: what a host can send to somebody in a crisis; "": the default words. `keep_text_days`: after
    so many days past a chat's end its people's words are erased, figures stay."""

    outward: Literal["none", "asked"] = "asked"
    signpost: Annotated[str, Meta(examples=['"Somebody listens, day and night: 116 123"'])] = ""
    keep_text_days: Annotated[int, Meta(ge=1, le=3650, examples=["90"])] = 90


class MqttTable(Table, frozen=True):
    url: Annotated[
        str, Meta(pattern=r"^mqtts?://[^/@\s]+(:\d+)?/?$", examples=['"mqtt://localhost:1883"'])
    ] = ""
    prefix: Annotated[str, Meta(pattern=r"^[^#+\s]+$", examples=['"chatbridge"'])] = "chatbridge"
    tls: bool = False
    authority: Annotated[str | None, Meta(examples=['"broker-ca.pem"'])] = None
    certificate: Annotated[str | None, Meta(examples=['"core.pem"'])] = None
    key: Annotated[str | None, Meta(examples=['"core-key.pem"'])] = None


@dataclass(frozen=True)
class NetworkConfig:
    """One table `[networks.NAME]`: `settings` is an instance of `platform.settings`. `elsewhere`: an `api`
    key sends its requests to a test or a proxy."""

    name: Network
    kind: str
    platform: Platform
    settings: Any
    secrets: Secrets
    post: bool = True
    elsewhere: bool = False


@dataclass(frozen=True)
class Mqtt:
    """The broker; `secrets` may hold username and password. Files in PEM: `authority`, who signed the broker's
    certificate (None: whom the system trusts); `certificate` and `key`, ours, where {part} stands for the process
    that logs in (`bridge.split.own`)."""

    url: str
    prefix: str
    tls: bool
    secrets: Secrets
    authority: str | None = None
    certificate: str | None = None
    key: str | None = None


class Place(NamedTuple):
    """Where a chat stands: in which file, and its key path there."""

    file: str
    at: str


@dataclass(frozen=True)
class Config:
    """A config without mistakes. `warnings` are what a host should know all the same. `places`: of the community's
    chats, in their order. `fixed`: what is only heeded at a start, by key path. `mistakes`: those of the files as
    they are now, where this is how they last were whole (`bridge.lastwhole`)."""

    path: Path
    community: Community
    journal: Path
    networks: tuple[NetworkConfig, ...]
    web: Web
    mqtt: Mqtt | None
    consent: Consent
    warnings: tuple[Mistake, ...] = ()
    places: tuple[Place, ...] = ()
    fixed: dict[str, object] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()


def installed() -> Platforms:
    """The kinds of network there are adapters for; nothing is imported before one is used."""
    return {point.name: point.load for point in entry_points(group=GROUP)}


def load(
    path: Path,
    env: Mapping[str, str] | None,
    *,
    platforms: Platforms | None = None,
    files: Files | None = None,
) -> Config:
    """Read a config; secrets come from `env`, and None looks for none. `files` is told what is read, whatever comes
    of it. Raises ConfigError with every mistake in it."""
    found = Findings(str(path))
    document = read(path, found)
    if found.mistakes:
        raise ConfigError(tuple(found.mistakes))
    known = ("include", "community", "chats", "networks", "web", "mqtt", "consent")
    for key in document.keys() - set(known):
        if SECRET.search(key):
            refuse_secret(found, key, key, ())
        else:
            found.unknown(key, known)
    table = _community(document.get("community", {}), found)
    journal = path.parent / table.journal
    sources = _Sources(env, folder(journal), found)
    networks = _networks(document.get("networks", {}), sources, platforms or installed())
    nets = _nets(networks)
    names = tuple(document["networks"]) if isinstance(document.get("networks"), dict) else ()
    handles = {network.name: network.platform.handle for network in networks}
    files = files or Files(path)
    files.patterns = include.patterns(document["include"], found) if "include" in document else ()
    context = plan.Context(path.parent.absolute(), table.timezone, names, handles, found, files.pictures)
    chats = _chats(document.get("chats", []), files, context)
    web = _web(document.get("web", {}), env or {}, found)
    consent = decode(Consent, document.get("consent", {}), "consent", found) or Consent()
    mqtt = _mqtt(document["mqtt"], path.parent, sources) if "mqtt" in document else None
    page = table.page.rstrip("/") if table.page else None
    community = Community(
        table.name,
        table.timezone,
        table.language,
        tuple(placed.chat for placed in chats),
        nets,
        page,
        consent.outward,
        consent.signpost.strip(),
        consent.keep_text_days * 24 * HOUR,
    )
    proofread.check_texts(community, chats, found)
    if found.mistakes:
        raise ConfigError(tuple(found.mistakes))
    places = tuple(Place(placed.found.file, placed.at) for placed in chats)
    warnings, fixed = tuple(found.warnings), _fixed(document)
    return Config(path, community, journal, networks, web, mqtt, consent, warnings, places, fixed)


def again(
    path: Path,
    community: Community,
    fixed: Mapping[str, object],
    places: tuple[Place, ...],
    env: Mapping[str, str],
    *,
    platforms: Platforms | None = None,
) -> Config:
    """A config from what is left of one that had no mistakes; its files are not read. Raises ConfigError if the
    environment or the installed adapters do not fit it any more."""
    found = Findings(str(path))
    tables: dict[str, dict[str, Any]] = {}
    for key, value in fixed.items():
        at, _, name = key.rpartition(".")
        tables.setdefault(at, {})[name] = value
    journal = path.parent / tables.get("community", {}).get("journal", CommunityTable().journal)
    sources = _Sources(env, folder(journal), found)
    named = {at.partition(".")[2]: table for at, table in tables.items() if at.startswith("networks.")}
    networks = _networks(named, sources, platforms or installed())
    web = _web(tables.get("web", {}), env, found)
    mqtt = _mqtt(tables["mqtt"], path.parent, sources) if "mqtt" in tables else None
    if found.mistakes:
        raise ConfigError(tuple(found.mistakes))
    consent = Consent(community.outward, community.signpost, community.keep_text // (24 * HOUR))
    community = msgspec.structs.replace(community, networks=_nets(networks))
    return Config(path, community, journal, networks, web, mqtt, consent, places=places, fixed=dict(fixed))


def _chats(tables: object, files: Files, context: plan.Context) -> list[plan.Placed]:
    """Those of the config itself, then those of the files it includes, by their names."""
    chats = plan.chats(tables, context)
    include.check_matches(files, context.found)
    for file in files.included():
        within = context.within(file)
        chats += plan.chats(include.tables(file, files.config, within.found), within)
    plan.check_together(chats, context.found)
    return chats


def _fixed(document: Mapping[str, Any]) -> dict[str, object]:
    """What is only heeded at a start, by key path."""
    networks = {f"networks.{name}": table for name, table in document["networks"].items()}
    tables = {name: document.get(name, {}) for name in ("web", "mqtt")} | networks
    fixed = {f"{at}.{key}": value for at, table in tables.items() for key, value in table.items()}
    for at, key in AT_START:
        if key in document.get(at, {}):
            fixed[f"{at}.{key}"] = document[at][key]
    return fixed


# ---------------------------------------------------------------- the tables


def _community(table: object, found: Findings) -> CommunityTable:
    community = (
        decode(CommunityTable, table, "community", found, required=("name", "timezone")) or CommunityTable()
    )
    if community.page is not None and not re.fullmatch(r"https?://[^\s/]+\S*", community.page):
        found.mistake(
            "community.page",
            community.page,
            "an address",
            'Write it in full: page = "https://chat.example.org"',
        )
    zone, zones = community.timezone, zoneinfo.available_timezones()
    if zone not in zones:
        near = get_close_matches(zone, [z for z in sorted(zones) if "/" in z], n=1, cutoff=0.6)
        mend = f'Did you mean "{near[0]}"?' if near else 'Write region and city: timezone = "Europe/London"'
        found.mistake("community.timezone", zone, "an IANA time zone", mend)
        return msgspec.structs.replace(community, timezone="UTC")
    if "/" not in zone and zone not in ("UTC", "GMT"):
        found.warn(
            "community.timezone",
            zone,
            "region and city",
            'A city\'s zone follows its summer time, as in "America/New_York"; an abbreviation may not.',
        )
    return community


@dataclass(frozen=True)
class _Sources:
    """Where secrets may come from (`env` None: nowhere), and where what is wrong goes."""

    env: Mapping[str, str] | None
    kept: Path
    found: Findings

    def gather(self, owner: str, names: tuple[str, ...]) -> Secrets:
        return Secrets({}) if self.env is None else gather(owner, names, self.env, self.kept, self.found)


def _networks(tables: object, sources: _Sources, platforms: Platforms) -> tuple[NetworkConfig, ...]:
    found = sources.found
    if not isinstance(tables, dict) or not tables:
        found.mistake(
            "networks",
            tables or None,
            "at least one network",
            'Add a table: [networks.mastodon] kind = "mastodon" …',
        )
        return ()
    networks = [
        network
        for name, table in tables.items()
        if (network := _network(name, table, sources, platforms)) is not None
    ]
    posting: dict[str, Network] = {}
    for n, network in enumerate(networks):
        first = posting.get(network.kind)
        if first is None or network.platform.mirror or not network.post:
            posting |= {network.kind: network.name} if network.post else {}
        elif "post" not in tables[network.name]:
            networks[n] = replace(network, post=False)  # its people would read each question twice
        else:
            found.warn(
                f"networks.{network.name}",
                "",
                f"one posting network of kind {network.kind}; {first} is another",
                "People who see both read each question twice. Take post = true out, and it only listens.",
            )
    if networks and not posting:
        found.mistake("networks", "", "a network to post on", "Take out post = false in at least one table.")
    return tuple(networks)


def _network(name: str, table: object, sources: _Sources, platforms: Platforms) -> NetworkConfig | None:
    found = sources.found
    at = f"networks.{name}"
    if not _NAME.fullmatch(name) or name in RESERVED:
        found.mistake(
            at,
            "",
            "another name",
            "Use small letters, digits and _, beginning with a letter, and not “name”, “public” or “core”.",
        )
    if not isinstance(table, dict):
        found.mistake(at, table, "a table", f"Write a line [{at}] and below it one key = value per line.")
        return None
    platform = _platform(at, table.get("kind"), found, platforms)
    post = table.get("post", True)
    if not isinstance(post, bool):
        found.mistake(f"{at}.post", post, "true or false", "Write it like this: post = false")
        post = True
    if platform is None:
        return None
    own = {key: value for key, value in table.items() if key not in ("kind", "post")}
    names = tuple(variable(name, secret) for secret in platform.secrets)
    settings = decode(platform.settings, own, at, found, secrets=names)
    secrets = sources.gather(name, platform.secrets)
    if settings is None:
        return None
    hosts.check_admins(getattr(settings, "admins", ()), at, platform.handle, found)
    return NetworkConfig(name, str(table["kind"]), platform, settings, secrets, post, "api" in own)


def _platform(at: str, kind: object, found: Findings, platforms: Platforms) -> Platform | None:
    kinds = ", ".join(f'"{k}"' for k in sorted(platforms))
    if not isinstance(kind, str) or kind not in platforms:
        near = get_close_matches(str(kind), sorted(platforms), n=1)
        mend = f'Write it like this: kind = "{near[0] if near else min(platforms, default="mastodon")}"'
        missing = "; it is missing" if kind is None else ""
        found.mistake(f"{at}.kind", kind, f"one of the installed kinds: {kinds or 'none'}{missing}", mend)
        return None
    try:
        return platforms[kind]()
    except (ImportError, AttributeError) as error:
        found.mistake(
            f"{at}.kind",
            kind,
            "an adapter that can be loaded",
            f"It says: {error}. Install chatbridge again.",
        )
        return None


def _web(table: object, env: Mapping[str, str], found: Findings) -> Web:
    """The page; if the config does not say on which address it listens, the environment may: a container's does."""
    web = decode(Web, table, "web", found) or Web()
    said = isinstance(table, dict) and "host" in table
    return web if said or not env.get(HOST) else msgspec.structs.replace(web, host=env[HOST])


def _nets(networks: tuple[NetworkConfig, ...]) -> tuple[Net, ...]:
    """What the core may know of each network. Of two of the same kind the later bears its name."""
    seen: set[str] = set()
    nets = []
    for network in networks:
        platform, title = network.platform, network.platform.title
        if title in seen:
            title = f"{title} ({network.name})"
        seen.add(title)
        nets.append(
            Net(
                name=network.name,
                kind=network.kind,
                title=title,
                limits=platform.limits,
                post=network.post,
                mirror=platform.mirror,
                direct=getattr(platform, "direct", True),
                layout=getattr(network.settings, "layout", "channel"),
                public=getattr(network.settings, "public", "ask"),
                admins=getattr(network.settings, "admins", ()),
            )
        )
    return tuple(nets)


def _mqtt(table: object, folder: Path, sources: _Sources) -> Mqtt | None:
    secrets = ("username", "password")
    names = tuple(variable("mqtt", secret) for secret in secrets)
    mqtt = decode(MqttTable, table, "mqtt", sources.found, required=("url",), secrets=names)
    if mqtt is None:
        return None
    tls = mqtt.tls or mqtt.url.startswith("mqtts:")
    files: dict[str, str | None] = {}
    for name in ("authority", "certificate", "key"):
        given = getattr(mqtt, name)
        files[name] = None if given is None else str(folder / given)
        if given is not None and "{part}" not in given and not (folder / given).is_file():
            sources.found.mistake(f"mqtt.{name}", given, "a file", f"There is no {folder / given}.")
    if (mqtt.certificate is None) != (mqtt.key is None):
        sources.found.mistake(
            "mqtt.certificate",
            "",
            "both certificate and key, or neither",
            "Name our certificate's key as well.",
        )
    if not tls and any(files.values()):
        sources.found.mistake(
            "mqtt.tls",
            "false",
            "true where certificates are named",
            "Write tls = true, or mqtts:// in the url.",
        )
    return Mqtt(mqtt.url, mqtt.prefix, tls, sources.gather("mqtt", secrets), **files)
