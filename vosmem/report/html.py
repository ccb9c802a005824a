"""HTML files that need nothing else: a template, the styles and one script, and a policy that lets nothing else in.

Names come from files and configs, so templates escape everything; what is not escaped is made by `payload` or comes
from functions that escape by themselves.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from vosmem.report import charts
from vosmem.report.tables import percent, plural, signed

HERE = Path(__file__).resolve().parent


def page(template: str, styles: Sequence[str], scripts: Sequence[str], **told: Any) -> str:
    """The file as text. ``template``, ``styles``, ``scripts``: names of files in this folder; the scripts become one,
    in which each may use those before it. ``told``: what the template prints.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, loader=FileSystemLoader(HERE), trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "percent": percent, "signed": signed, "plural": plural, "duration": charts.duration,
        "between": lambda ends: f"{signed(ends[0])} … {signed(ends[1])}" if ends else "one sequence",
    }  # fmt: skip
    style, script = _joined(styles), _joined(scripts)
    return environment.get_template(template).render(
        style=Markup(style),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        payload=payload,
        **told,
    )


def payload(data: Any) -> Markup:
    """Plain data as JSON that cannot end the element it stands in."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _joined(names: Sequence[str]) -> str:
    return "\n".join((HERE / name).read_text(encoding="utf-8").strip() for name in names)
