"""Adds the built website to the published artefacts: to a wheel inside the package, to a source distribution under `web/out`.

Rule 1: no package is built without the website. It would look complete and serve none.
Rule 2: an editable install refers to a checkout, which has the website in `web/out` or not at all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = "web/out"
PLACES = {"wheel": "app/website/out", "sdist": BUILT}
"""Its place in each artefact. app/website/opening.py looks for it there."""


class SiteHook(BuildHookInterface[BuilderConfig]):
    """Called by hatchling before each build."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        built = Path(self.root) / BUILT
        if not (built / "index.html").is_file():
            self.app.abort(
                f"The website is not built: {BUILT} has no index.html. Build it first (make web), then this package."
            )
        build_data["force_include"][str(built)] = PLACES[self.target_name]
