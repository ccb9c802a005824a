"""J and F are, bit for bit, those of the package vos-benchmark, run in an environment of its own.

VOSMEM_VOSBENCH_PYTHON names a Python that has it: `python -m venv V; V/bin/pip install vos-benchmark`.
"""

import json
import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evaluate import plain
from vosmem.evaluate import stage

PEER = """
import json, sys
from vos_benchmark.benchmark import VideoEvaluator
from vos_benchmark import evaluator
import numpy as np
from PIL import Image
for line in sys.stdin:
    mask, annotation = (np.array(Image.open(path)) for path in json.loads(line))
    frame = evaluator.Evaluator()
    frame.feed_frame(mask, annotation)
    print(json.dumps([[float(v) for v in d.get(255, [])] for d in (frame.object_iou, frame.boundary_f)]), flush=True)
"""


@pytest.fixture(scope="module")
def peer():
    python = os.environ.get("VOSMEM_VOSBENCH_PYTHON", "")
    if not Path(python).is_file():
        pytest.skip("needs vos-benchmark: VOSMEM_VOSBENCH_PYTHON names no Python that has it")
    with subprocess.Popen([python, "-c", PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def ask(mask, annotation):
            process.stdin.write(json.dumps([str(mask), str(annotation)]) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.tuples(st.integers(1, 300), st.integers(1, 300)))
def test_bit_for_bit(peer, tmp_path_factory, seed, size):
    folder = tmp_path_factory.getbasetemp()
    files = [folder / "mask.png", folder / "annotation.png"]
    masks = plain.blobs(seed, size)
    for path, mask in zip(files, masks, strict=True):
        cv2.imwrite(str(path), mask.astype(np.uint8) * 255)
    j, f = peer(*files)
    row = stage.score_sequence([files[1]] * 3, [files[0]] * 3, sequence="a", measures="JF").rows[0]
    if not masks[0].any() and not masks[1].any():
        assert j == f == [] and row.J == row.F == 1  # it leaves out what is empty before an object appears
    else:
        assert j == [row.J] and f == [row.F]
