import types

import pytest
import torch

from vosmem import config, device, precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [({"avx2": True, "avx512_bf16": False}, "float32"), ({"avx512_bf16": True}, "bfloat16"), ({}, "float32")],
)
def test_auto_is_bfloat16_only_where_the_processor_multiplies_it(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert precision.choose("auto", CPU) == expected


def test_auto_of_a_pytorch_that_cannot_tell(monkeypatch):
    monkeypatch.setattr(torch, "cpu", types.SimpleNamespace())
    assert precision.choose("auto", CPU) == "float32"


@pytest.mark.parametrize("native", [True, False])
def test_auto_on_a_gpu_does_not_count_emulation(monkeypatch, native):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: native or including_emulation)
    assert precision.choose("auto", torch.device("cuda", 0)) == ("bfloat16" if native else "float32")


@pytest.mark.parametrize("name", precision.TYPES)
def test_what_is_asked_for_is_taken(name):
    assert precision.choose(name, CPU) == name
    a = torch.ones(2, 2)
    with precision.multiplying(name, CPU):
        assert (a @ a).dtype == precision.TYPES[name]


@pytest.mark.parametrize("section", ["flow", "appearance", "motion", "memory"])
def test_no_section_asks_for_more_than_the_hardware_has(section):
    """A default of bfloat16 made frames take eleven seconds each on processors that only emulate it."""
    assert config.section_defaults(section, {})["precision"] == "auto"


def test_float32_is_no_less_on_a_gpu(monkeypatch):
    """Of its own PyTorch convolves in TF32 there."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    device.choose("cpu")
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32
