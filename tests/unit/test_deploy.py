"""What compose.yaml brings along fits the rest of the tree. That it works is for scripts/check-container."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
OPERATORS = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
ALERTS = (ROOT / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8")


def rights(file: Path) -> dict[str, list[str]]:
    """What each user of an ACL may do, rehearsals aside."""
    found: dict[str, list[str]] = {}
    user = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("user "):
            user = line.removeprefix("user ")
        elif line.startswith("topic ") and "/rehearsal/" not in line:
            found.setdefault(user, []).append(line)
    return found


def test_the_brokers_users_have_the_rights_of_the_example() -> None:
    example = rights(ROOT / "docs" / "mqtt" / "acl.example")
    wanted = {user: lines for user, lines in example.items() if user != "chatbridge-mastodon"}
    for network in ("mastodon", "bluesky", "slack"):
        lines = example["chatbridge-mastodon"]
        wanted[f"chatbridge-{network}"] = [line.replace("mastodon", network) for line in lines]
    assert rights(ROOT / "deploy" / "mosquitto" / "acl") == wanted


def test_every_user_of_the_broker_is_given_a_password() -> None:
    users = rights(ROOT / "deploy" / "mosquitto" / "acl")
    given = set(re.findall(r"^      (\w+_PASSWORD): ", COMPOSE.partition("  mosquitto:\n")[2], re.MULTILINE))
    assert given == {f"{user.upper().replace('-', '_')}_PASSWORD" for user in users}


def test_the_operators_page_has_every_alert_and_every_figure_in_it() -> None:
    named = re.findall(r"- alert: (\w+)", ALERTS)
    assert named == re.findall(r"^\| `([A-Z]\w+)` \|", OPERATORS, re.MULTILINE)
    figures = {name.removesuffix("_bucket") for name in re.findall(r"chatbridge_\w+", ALERTS)}
    assert figures
    assert figures <= set(re.findall(r"`(chatbridge_\w+)`", OPERATORS))


def test_what_judges_the_image_is_pinned_by_hash() -> None:
    lock = (ROOT / "scripts" / "container" / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    blocks = re.split(r"\n(?=\S)", lock)
    assert all(re.match(r"[A-Za-z0-9._-]+==", block) and "--hash=sha256:" in block for block in blocks)


def test_nothing_private_is_sent_to_the_build() -> None:
    let_in = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert let_in == [
        "!LICENSE", "!README.md", "!pyproject.toml", "!requirements.lock", "!bridge", "!adapters", "!simulator",
        "!scripts/container/sbom.py",
    ]  # fmt: skip
