"""Whether a GPU is expected: what the driver and the build of PyTorch tell."""

import ctypes
import importlib.util
from types import SimpleNamespace

import pytest

from vosmem import gpu


class Driver:
    """As libcuda, with so many devices."""

    def __init__(self, devices, status=0):
        self.devices, self.status = devices, status

    def cuInit(self, flags):
        return self.status

    def cuDeviceGetCount(self, count):
        count._obj.value = self.devices
        return 0


CPU, CUDA, ROCM, BEFORE = (
    "from typing import Optional\n__version__ = '2.9.0'\ncuda: Optional[str] = None\nhip: Optional[str] = None\n",
    "__version__ = '2.9.0'\ncuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n",
    "__version__ = '2.9.0+rocm6.4'\ncuda: Optional[str] = None\nhip: Optional[str] = '6.4.1'\n",
    "__version__ = '2.6.0'\ncuda = '12.4'\nhip = None\n",
)


@pytest.mark.parametrize(
    ("version", "driver", "expected"),
    [
        (CUDA, Driver(1), True),
        (BEFORE, Driver(2), True),
        (CUDA, Driver(0), False),  # CUDA_VISIBLE_DEVICES hides them
        (CUDA, Driver(1, status=100), False),  # the library without a device
        (CUDA, None, False),
        (CPU, Driver(1), False),
        (None, Driver(1), True),  # jobs have a PyTorch of their own
        (None, None, False),
    ],
)
def test_a_gpu_is_expected_where_driver_and_pytorch_have_one(version, driver, expected, monkeypatch, tmp_path):
    pytorch_is(version, monkeypatch, tmp_path)
    monkeypatch.setattr(ctypes, "CDLL", library(driver))
    assert gpu.expected() is expected
    assert gpu.expected(of_this_environment=False) is (driver is not None and driver.devices * (driver.status == 0) > 0)


@pytest.mark.parametrize("there", [True, False])
def test_rocm_has_a_device_of_its_own(there, monkeypatch, tmp_path):
    pytorch_is(ROCM, monkeypatch, tmp_path)
    monkeypatch.setattr(ctypes, "CDLL", library(None))
    monkeypatch.setattr(gpu, "ROCM", tmp_path if there else tmp_path / "kfd")
    assert gpu.expected() is there


def test_it_agrees_with_pytorch_here():
    torch = pytest.importorskip("torch")
    assert gpu.expected() == torch.cuda.is_available()


def pytorch_is(version, monkeypatch, folder):
    """Installed with such a version.py, or not at all."""
    spec = None
    if version:
        (folder / "version.py").write_text(version)
        spec = SimpleNamespace(origin=str(folder / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)


def library(driver):
    def load(name):
        if driver is None:
            raise OSError(f"{name}: cannot open shared object file")
        return driver

    return load
