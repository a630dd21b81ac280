"""The image: its base made of Debian's packages, its build, and what is and is not in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from typing import Any

from container.shell import HERE, ROOT, Failed, judge, run, say, tried

BASE, IMAGE = "localhost/chatbridge-base", "localhost/chatbridge-check"
MOSQUITTO, PROMETHEUS = "localhost/chatbridge-check-mosquitto", "localhost/chatbridge-check-prometheus"
RELEASE = "trixie"  # its Python, 3.13, is that of the image people build
PACKAGES = "python3,python3-venv,ca-certificates"
BESIDE = "mosquitto,mosquitto-clients,prometheus,docker-compose"
CERTIFICATES = "/etc/ssl/certs"
CHEAP = ("--runtime", "runc", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
TOOLS = re.compile(r"(pip|hatch|pyproject-build|uv|gcc|cc|c\+\+|g\+\+|ld|make|cmake|cargo|rustc|git)[\d.-]*")

# The folders that compose.yaml's volumes take the place of, as the official images have them.
NEIGHBOUR = """
FROM {base}
RUN install -d -o 1883 -g 1883 /mosquitto/data && install -d -o 65534 -g 65534 /prometheus
{last}
"""
INSTALLED = """
import json, os
from importlib.metadata import distributions
programs = [name for place in os.environ["PATH"].split(":") if os.path.isdir(place) for name in os.listdir(place)]
print(json.dumps([{d.metadata["Name"]: d.version for d in distributions()}, programs]))
"""
VALID = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
sys.exit(str(JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read()) or "") or 0)
"""


def root(name: str, packages: str) -> None:
    """A file system of Debian's packages as an image of that name, both made once."""
    image, files, stamp = f"localhost/{name}", ROOT / name, ROOT / f"{name}.stamp"
    wanted = f"{RELEASE} {packages}\n"
    if not stamp.exists() or stamp.read_text() != wanted:
        say(f"making {name} of Debian's packages, once: about a minute.")
        stamp.unlink(missing_ok=True)
        tried("podman", "rmi", "--force", image)
        shutil.rmtree(files, ignore_errors=True)
        ROOT.mkdir(parents=True, exist_ok=True)
        run("debootstrap", "--variant=minbase", f"--include={packages}", RELEASE, files, mirror(), asks=True)
        for spare in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man"):
            shutil.rmtree(files / spare, ignore_errors=True)
        stamp.write_text(wanted)
    if tried("podman", "image", "exists", image).returncode:
        container = run("buildah", "from", "scratch")
        try:
            run("buildah", "copy", container, files, "/")
            run("buildah", "commit", "--quiet", container, image)
        finally:
            run("buildah", "rm", container)


def mirror() -> str:
    """Where this machine gets Debian's packages."""
    sites = run("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages").split()
    if not sites:
        raise Failed("This machine's apt knows no source of packages.")
    return sites[0]


def bud(tag: str, *arguments: str, **how: Any) -> None:
    """Build an image, and take away the one that had its name. Docker's format, or HEALTHCHECK is lost."""
    before = tried("podman", "image", "inspect", "--format", "{{.Id}}", tag).stdout.strip()
    command = ("buildah", "--runtime", "runc", "bud", "--format", "docker", "--layers", "--tag", tag)
    run(*command, *arguments, **how)
    if before and before != run("podman", "image", "inspect", "--format", "{{.Id}}", tag):
        tried("podman", "rmi", before)


def build() -> None:
    """The image, as anybody builds it but for the base."""
    certificate = os.environ.get("PIP_CERT", "")
    trusted = ("--build-arg", f"PIP_CERT={certificate}", "--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro")
    version = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    given = ("--build-arg", f"BASE={BASE}", "--build-arg", f"VERSION={version}")
    arguments = (*given, *(trusted if certificate else ()))
    bud(f"{IMAGE}-build", "--target", "build", *arguments, str(HERE), asks=True)  # by name, or they pile up
    bud(IMAGE, *arguments, str(HERE), asks=True)


def neighbours() -> None:
    """Images that stand in for those of compose.yaml, of Debian's packages."""
    root("chatbridge-neighbours", BESIDE)
    for tag, last in ((MOSQUITTO, ""), (PROMETHEUS, 'ENTRYPOINT ["/usr/bin/prometheus"]')):
        text = NEIGHBOUR.format(base="localhost/chatbridge-neighbours", last=last)
        bud(tag, "--file", "-", str(HERE / "deploy"), input=text)


def size(image: str) -> int:
    """Bytes."""
    return int(run("podman", "image", "inspect", "--format", "{{.Size}}", image))


def inside(entry: str, *arguments: str, image: str = IMAGE, **how: Any) -> str:
    """What a program of an image prints."""
    command = ("podman", "run", "--rm", *CHEAP, "--network", "none", "--entrypoint", entry, image, *arguments)
    return run(*command, **how)


# ---------------------------------------------------------------- what is in it


def look_inside() -> str:
    """What is in the image is pinned and listed, and nothing of it builds. Gives a line for the table."""
    installed, programs = json.loads(inside("python3", "-c", INSTALLED))
    if found := sorted({name for name in programs if TOOLS.fullmatch(name)}):
        raise Failed(f"what only builds is in the image: {', '.join(found)}")
    bill = inside("cat", "/usr/share/doc/chatbridge/sbom.cdx.json")
    run(judge("python"), "-c", VALID, input=bill)
    parts = json.loads(bill)["components"]
    listed = {part["name"]: part for part in parts if part["purl"].startswith("pkg:pypi/")}
    pinned = pins((HERE / "requirements.lock").read_text("utf-8"))
    for name, version in ((canonical(name), version) for name, version in installed.items()):
        if name == "chatbridge":
            continue
        part = listed.get(name, {})
        wheels = {entry["content"] for entry in part.get("hashes", ())}
        version_pinned, hashes = pinned.get(name, ("", set()))
        if not (version == version_pinned == part.get("version") and wheels and wheels <= hashes):
            raise Failed(f"{name} {version} is in the image, but not in its list as requirements.lock has it")
        if not part.get("licenses"):
            raise Failed(f"the image's list does not tell the licence of {name}")
    others = [part for part in parts if part["purl"].startswith("pkg:deb/")]
    return f"{len(listed)} from PyPI, {len(others)} of Debian's"


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str) -> dict[str, tuple[str, set[str]]]:
    """Version and SHA-256 hashes of each pin of a lock."""
    return {
        canonical(block[1]): (block[2], set(re.findall(r"--hash=sha256:(\w+)", block[0])))
        for block in re.finditer(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?:.*\\\n)*.*$", lock, re.MULTILINE)
    }
