"""Generated text that is read twice: here as a diff by a person, elsewhere by its real consumer.

`GOLDEN=update .venv/bin/pytest tests/unit/render` writes the files anew; `git diff` is then the review.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent


def assert_golden(name: str, text: str) -> None:
    """`text` is what tests/golden/`name` says."""
    file = FOLDER / name
    if os.environ.get("GOLDEN") == "update":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert file.exists(), f"{file} is missing: GOLDEN=update writes it"
    assert text == file.read_text()


def assert_golden_yaml(name: str, value: dict[str, Any]) -> None:
    """The same for an API object, as YAML without anchors."""
    assert_golden(name, yaml.safe_dump(json.loads(json.dumps(value)), sort_keys=False, width=120))
