"""Whether a GPU is expected: what the driver and the build of PyTorch tell."""

import ctypes
from importlib import metadata

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


@pytest.mark.parametrize(
    ("build", "driver", "expected"),
    [
        ("2.9.0", Driver(1), True),
        ("2.9.0+cu128", Driver(2), True),
        ("2.9.0", Driver(0), False),  # CUDA_VISIBLE_DEVICES hides them
        ("2.9.0", Driver(1, status=100), False),  # the library without a device
        ("2.9.0", None, False),
        ("2.9.0+cpu", Driver(1), False),
        (None, Driver(1), True),  # jobs have a PyTorch of their own
        (None, None, False),
    ],
)
def test_a_gpu_is_expected_where_driver_and_pytorch_have_one(build, driver, expected, monkeypatch):
    pytorch_is(build, monkeypatch)
    monkeypatch.setattr(ctypes, "CDLL", library(driver))
    assert gpu.expected() is expected


@pytest.mark.parametrize("there", [True, False])
def test_rocm_has_a_device_of_its_own(there, monkeypatch, tmp_path):
    pytorch_is("2.9.0+rocm6.4", monkeypatch)
    monkeypatch.setattr(ctypes, "CDLL", library(None))
    monkeypatch.setattr(gpu, "ROCM", tmp_path if there else tmp_path / "kfd")
    assert gpu.expected() is there


def test_it_agrees_with_pytorch_here():
    torch = pytest.importorskip("torch")
    assert gpu.expected() == torch.cuda.is_available()


def pytorch_is(build, monkeypatch):
    def version(name):
        if build is None:
            raise metadata.PackageNotFoundError(name)
        return build

    monkeypatch.setattr(metadata, "version", version)


def library(driver):
    def load(name):
        if driver is None:
            raise OSError(f"{name}: cannot open shared object file")
        return driver

    return load
