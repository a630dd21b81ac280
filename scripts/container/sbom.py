"""Lists what is in the image, as CycloneDX 1.6 in JSON: sbom.py REPORT > sbom.cdx.json

Run by the image's own Python, so that it lists what is installed there and not what was asked for. Hashes are those
of the wheels that pip installed and checked (REPORT, from its --report). The base's part are Python and Debian's
packages.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import re
import sys
import uuid
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

OURS = "chatbridge"
DEBIAN = Path("/var/lib/dpkg/status")
LICENCE = "License :: OSI Approved :: "  # of a classifier

Component = dict[str, Any]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def hashes(report: Path) -> dict[str, str]:
    """SHA-256 of the wheel each distribution came from, by name."""
    return {
        canonical(item["metadata"]["name"]): item["download_info"]["archive_info"]["hashes"]["sha256"]
        for item in json.loads(report.read_text("utf-8"))["install"]
    }


def licences(distribution: Distribution) -> list[Component]:
    """What a distribution says of its licence: an SPDX expression, else its classifiers, else its own words."""
    about = distribution.metadata
    if expressions := about.get_all("License-Expression", []):
        return [{"expression": expressions[0]}]
    names = [c.rpartition(" :: ")[2] for c in about.get_all("Classifier", []) if c.startswith(LICENCE)]
    words = [words.strip().partition("\n")[0] for words in about.get_all("License", [])]
    return [{"license": {"name": name}} for name in names or filter(None, words)]


def needed(distribution: Distribution, there: set[str]) -> list[str]:
    """The installed distributions that one names as its requirements, extras aside."""
    plain = (line for line in distribution.requires or () if not re.search(r";.*\bextra\b", line))
    names = {canonical(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]) for line in plain}
    return sorted(names & there)


def python_part(known: dict[str, str]) -> dict[str, tuple[Component, list[str]]]:
    """By name: what is installed, and the names of what it needs."""
    installed = {canonical(d.metadata["Name"]): d for d in distributions()}
    found = {}
    for name, distribution in sorted(installed.items()):
        address = f"pkg:pypi/{name}@{distribution.version}"
        component: Component = {
            "type": "application" if name == OURS else "library",
            "bom-ref": address,
            "name": name,
            "version": distribution.version,
            "purl": address,
        }
        if licence := licences(distribution):
            component["licenses"] = licence
        if name in known:
            component["hashes"] = [{"alg": "SHA-256", "content": known[name]}]
        found[name] = (component, needed(distribution, set(installed)))
    return found


def base_part() -> Iterator[Component]:
    """The interpreter, and Debian's packages."""
    version = platform.python_version()
    yield {
        "type": "platform",
        "bom-ref": f"pkg:generic/python@{version}",
        "name": "python",
        "version": version,
        "purl": f"pkg:generic/python@{version}",
        "cpe": f"cpe:2.3:a:python:python:{version}:*:*:*:*:*:*:*",
        "licenses": [{"license": {"id": "Python-2.0"}}],
    }
    system = platform.freedesktop_os_release()
    for paragraph in DEBIAN.read_text("utf-8").split("\n\n") if DEBIAN.exists() else ():
        said = dict(re.findall(r"^([A-Za-z-]+): (.*)$", paragraph, re.MULTILINE))
        if said.get("Status", "").endswith(" installed"):
            address = (
                f"pkg:deb/{system['ID']}/{quote(said['Package'])}@{quote(said['Version'])}"
                f"?arch={said['Architecture']}&distro={system['ID']}-{system.get('VERSION_ID', '')}"
            )
            yield {
                "type": "library",
                "bom-ref": address,
                "name": said["Package"],
                "version": said["Version"],
                "purl": address,
            }


def bill(report: Path) -> Component:
    python = python_part(hashes(report))
    ours, _ = python[OURS]
    parts = [component for name, (component, _) in python.items() if name != OURS] + list(base_part())
    made = int(os.environ.get("SOURCE_DATE_EPOCH") or dt.datetime.now(dt.UTC).timestamp())
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(parts, sort_keys=True))}",
        "version": 1,
        "metadata": {
            "timestamp": dt.datetime.fromtimestamp(made, dt.UTC).isoformat(timespec="seconds"),
            "lifecycles": [{"phase": "build"}],
            "component": ours,
        },
        "components": parts,
        "dependencies": [
            {"ref": component["bom-ref"], "dependsOn": [python[name][0]["bom-ref"] for name in needs]}
            for component, needs in python.values()
        ],
    }


if __name__ == "__main__":
    json.dump(bill(Path(sys.argv[1])), sys.stdout, indent=1)
    sys.stdout.write("\n")
