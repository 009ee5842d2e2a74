"""The project that the benchmarks try: the starter's texts, and one rule."""

from __future__ import annotations

import shutil
from pathlib import Path

from notifier import starter

__all__ = ["lay_out"]

_RULE = """\
version: 1
rules:
  - id: late
    about: order
    trigger: {moment: order.promised_at + 1d}
    send: {template: delivery_late, channels: [email]}
    limit: {once_per: order}
"""


def lay_out(root: Path, *, starter_rules: bool = False) -> Path:
    """A project in an empty directory, with the rule above, or with the starter's own; the directory."""
    starter.copy(root)
    if not starter_rules:
        shutil.rmtree(root / "rules")
        (root / "rules").mkdir()
        (root / "rules" / "late.yaml").write_text(_RULE, encoding="utf-8")
    return root
