"""Fails if the lock files name an address, lack a hash, or no longer fit pyproject.toml or each other."""

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(.*)$", re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version, _ in PIN.findall(lock)}


def main() -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    to_run = project["project"]["dependencies"] + project["build-system"]["requires"] + ["pip"]
    wanted = {
        "requirements.lock": to_run,
        "requirements-dev.lock": to_run + project["project"]["optional-dependencies"]["dev"],
        "requirements-docs.lock": project["project"]["optional-dependencies"]["docs"] + ["pip"],
    }
    locks = {name: (ROOT / name).read_text("utf-8") for name in wanted}
    faults = []
    for name, lock in locks.items():
        pinned = pins(lock)
        if "://" in lock:
            faults.append(f"{name}: names an address")
        faults += [
            f"{name}: {block.split(' ')[0]} has no hash"
            for block in re.split(r"\n(?=\S)", lock)
            if "--hash=sha256:" not in block
        ]
        for requirement in map(Requirement, wanted[name]):
            version = pinned.get(canonicalize_name(requirement.name))
            if version is None or not requirement.specifier.contains(version):
                faults.append(f"{name}: {requirement} wanted, {version or 'nothing'} pinned")
    run, dev, docs = (pins(lock) for lock in locks.values())
    faults += [
        f"{name} is {version} to run and {dev.get(name, 'missing')} to test"
        for name, version in run.items()
        if dev.get(name) != version
    ]
    print(
        *faults or [f"{len(run)} pins to run, {len(dev)} to test and check, {len(docs)} for the pages"],
        sep="\n",
    )
    if faults:
        print("mend: ./dev lock", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
