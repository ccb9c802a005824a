"""How the threads of PyTorch wait for each other."""

import os
import re
import subprocess
import sys

import pytest

TOLD = re.compile(r"GOMP_SPINCOUNT *= *'(\w+)'")


@pytest.mark.parametrize(
    ("own", "spins"), [({}, 10_000), ({"GOMP_SPINCOUNT": "77"}, 77), ({"OMP_WAIT_POLICY": "PASSIVE"}, 0)]
)
def test_threads_that_wait_spin_no_longer_than_told(own, spins):
    environment = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    command = [sys.executable, "-c", "import vosmem.device"]
    environment |= {"OMP_DISPLAY_ENV": "VERBOSE", **own}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stderr
    if not TOLD.search(told):
        pytest.skip("this PyTorch comes without GNU's OpenMP")
    assert {int(count) for count in TOLD.findall(told)} == {spins}
