"""What networks multiply: float32, or bfloat16 where the hardware does so by itself.

Elsewhere bfloat16 is emulated, and takes ten times as long as float32 instead of half. Sums are float32 either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def choose(name: str, device: torch.device) -> str:
    """What a key ``precision`` comes to on a device: ``auto`` is bfloat16 where that is native, else float32."""
    if name != "auto":
        return name
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = bool(getattr(torch.cpu, "get_capabilities", dict)().get("avx512_bf16"))  # older PyTorch cannot tell
    return "bfloat16" if native else "float32"


def settled(settings: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """``settings`` with what their key ``precision``, where they have one, comes to: what a file tells of itself."""
    return {k: choose(v, device) if k == "precision" else v for k, v in settings.items()}


def multiplying(name: str, device: torch.device) -> torch.autocast:
    """A context in which convolutions and products on a device multiply in what a key ``precision`` comes to."""
    return torch.autocast(device.type, torch.bfloat16, enabled=choose(name, device) == "bfloat16")
