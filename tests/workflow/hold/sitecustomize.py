"""Python imports this at its start where the tests put this folder on its path: it holds a job amid its work.

VOSMEM_HOLD: a pattern of file names. The process that has written some rows of such an HDF5 file, or is about to write
such a file at once or to move one to such a name, leaves its number in the file VOSMEM_HELD and waits to be ended.
"""

import fnmatch
import os
import pathlib
import sys
import time

if pattern := os.environ.get("VOSMEM_HOLD"):

    def hold(name):
        if fnmatch.fnmatch(name, pattern):
            with open(os.environ["VOSMEM_HELD"], "w") as file:
                file.write(str(os.getpid()))
            time.sleep(300)

    moved = os.replace

    def replace(source, target, **options):
        hold(os.fspath(target))
        moved(source, target, **options)

    os.replace = replace
    written_at_once = pathlib.Path.write_bytes

    def write_bytes(self, data):
        hold(os.fspath(self))
        return written_at_once(self, data)

    pathlib.Path.write_bytes = write_bytes
    if "vosmem" in " ".join(sys.orig_argv) and "snakemake" not in " ".join(sys.orig_argv):
        import h5py

        written = h5py.Dataset.__setitem__

        def write(self, index, rows):
            written(self, index, rows)
            hold(self.file.filename)

        h5py.Dataset.__setitem__ = write
        clock, start = time.perf_counter, time.perf_counter()
        time.perf_counter = lambda: start + 1e5 * (clock() - start)  # a state is saved after every step of a training
