"""The app's manifest, and the link that makes an app of it. It lies beside this file, so that an installed bridge
has it too; `slack-manifest.yaml` at the root of the repository is a link to it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

FILE = Path(__file__).with_name("slack-manifest.yaml")
NEW = "https://api.slack.com/apps?new_app=1&manifest_yaml="  # documentation, "Create apps using manifests"
_REMARK = re.compile(r"^\s*#.*\n|[ \t]+#.*$", re.MULTILINE)


def link() -> str:
    """Opened in a browser that is logged in to the workspace, it shows the app to be made, ready to confirm."""
    return NEW + quote(_REMARK.sub("", FILE.read_text(encoding="utf-8")), safe="")
