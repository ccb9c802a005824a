"""Arrays that wait come back as they were, from memory or a file, and nothing of them is left."""

import os

import numpy as np
import pytest

from vosmem import waiting

SHAPES = [(2, 3), (2, 3), (1, 3), (0, 3), (4, 5, 6)]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("in_memory", [1, 40, 1 << 20])
def test_arrays_come_back_in_any_order(tmp_path, monkeypatch, dtype, in_memory):
    monkeypatch.setattr(waiting, "IN_MEMORY", in_memory)
    rng = np.random.default_rng(0)
    arrays = [rng.random(shape).astype(dtype) for shape in SHAPES]
    with waiting.Waiting(tmp_path, dtype) as kept:
        for i, values in enumerate(arrays):
            kept.append(values)
            np.testing.assert_array_equal(kept[i // 2], arrays[i // 2])  # reading between does not disturb
        assert len(kept) == len(arrays)
        for i in (3, 0, 4, -1, -5, 2, 1):
            assert kept[i].dtype == dtype and kept[i].shape == arrays[i].shape
            np.testing.assert_array_equal(kept[i], arrays[i])
        with pytest.raises(IndexError):
            kept[len(arrays)]
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(waiting, "IN_MEMORY", 1)
    with pytest.raises(FileNotFoundError), waiting.Waiting(tmp_path / "none") as kept:
        kept.append(np.zeros(9, np.float32))
