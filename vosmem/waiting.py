"""Arrays that wait until a second pass wants them, so that memory does not grow with the length of a video."""

from __future__ import annotations

import os
import tempfile
from types import TracebackType

import numpy as np
from numpy.typing import DTypeLike

IN_MEMORY = 1 << 26  # bytes that wait there; once they are more, all go to a file


class Waiting:
    """Arrays of one dtype, numbered as they come; use as a context manager, at whose end they are gone.

    ``folder``: of a file without a name, for those that are many (None: the system's for temporary files).
    """

    def __init__(self, folder: str | os.PathLike | None, dtype: DTypeLike = np.float32):
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY, dir=folder)  # noqa: SIM115 - closed in __exit__
        self._dtype = np.dtype(dtype)
        self._places: list[tuple[int, tuple[int, ...]]] = []  # byte at which each begins, its shape

    def append(self, values: np.ndarray) -> None:
        """Have an array of any shape wait."""
        start = self._file.seek(0, os.SEEK_END)
        self._file.write(np.asarray(values, self._dtype).tobytes())
        self._places.append((start, values.shape))

    def __getitem__(self, i: int) -> np.ndarray:
        """Array number ``i``, from behind where it is negative; not to be written to."""
        start, shape = self._places[i]
        self._file.seek(start)
        return np.frombuffer(self._file.read(int(np.prod(shape)) * self._dtype.itemsize), self._dtype).reshape(shape)

    def __len__(self) -> int:
        return len(self._places)

    def __enter__(self) -> Waiting:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
