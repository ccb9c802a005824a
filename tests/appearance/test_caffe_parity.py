"""The published network from its Caffe file, against OpenCV's importer of Caffe's models, which is another's work.

OpenCV 5 dropped the importer, so that OpenCV 4 runs in an environment of its own. Weights are random.
"""

import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.weights.caffe_file import blob, layer, model
from vosmem.appearance import deeplab_largefov as largefov
from vosmem.appearance import stage
from vosmem.config import section_defaults

pytestmark = pytest.mark.slow  # an environment, a file of 86 MB, and VGG-16 twice

RUN = """
import sys, cv2, numpy as np
prototxt, weights, frames, out = sys.argv[1:]
net = cv2.dnn.readNetFromCaffe(prototxt, weights)
net.enableWinograd(False)  # another order of sums
net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
net.setInput(np.load(frames))
np.savez(out, **dict(zip(["conv5_3", "fc6", "fc7"], net.forward(["relu5_3", "relu6", "relu7"]))))
"""


@pytest.fixture(scope="session")
def opencv4(tmp_path_factory, needs):
    """A Python that has OpenCV 4."""
    folder = tmp_path_factory.mktemp("opencv4")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "opencv-python-headless<5"]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    needs("opencv4", done.returncode == 0, f"pip could not install it: {done.stderr.strip()[-200:]}")
    return folder / "bin/python"


def prototxt(height: int, width: int) -> str:
    """The network as its authors write it: ceil mode is Caffe's only one."""
    text = [f'name: "LargeFOV" input: "data" input_shape {{ dim: 1 dim: 3 dim: {height} dim: {width} }}']
    below = "data"

    def add(name: str, kind: str, parameters: str = "", top: str = "") -> None:
        nonlocal below
        top = top or name
        text.append(f'layer {{ name: "{name}" type: "{kind}" bottom: "{below}" top: "{top}" {parameters} }}')
        below = top

    for block, count in enumerate((2, 2, 3, 3, 3), 1):
        for i in range(1, count + 1):
            width, hole = (64, 128, 256, 512, 512)[block - 1], 2 if block == 5 else 1
            shape = f"num_output: {width} kernel_size: 3 pad: {hole} dilation: {hole}"
            add(f"conv{block}_{i}", "Convolution", f"convolution_param {{ {shape} }}")
            add(f"relu{block}_{i}", "ReLU")
        step = 2 if block < 4 else 1
        add(f"pool{block}", "Pooling", f"pooling_param {{ pool: MAX kernel_size: 3 stride: {step} pad: 1 }}")
    add("pool5a", "Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 1 pad: 1 }")
    add("fc6", "Convolution", "convolution_param { num_output: 1024 kernel_size: 3 pad: 12 dilation: 12 }")
    add("relu6", "ReLU")
    add("fc7", "Convolution", "convolution_param { num_output: 1024 kernel_size: 1 }")
    add("relu7", "ReLU")
    return "\n".join(text)


@pytest.fixture(scope="module", params=[False, True], ids=["2015", "before-2015"])
def caffemodel(request, tmp_path_factory):
    """A model of random weights that keep the size of what goes through, in today's form of file or in the older."""
    rng, layers, old = np.random.default_rng(0), [], request.param
    for row in largefov.LAYERS:
        if isinstance(row, tuple):
            name, c_in, c_out, kernel, _ = row
            shape = (c_out, c_in, kernel, kernel)
            weight = rng.standard_normal(shape, np.float32) * np.float32((2 / (c_in * kernel**2)) ** 0.5)
            bias = rng.standard_normal(c_out, np.float32)
            layers.append(layer(name, "Convolution", blob(weight, legacy=old), blob(bias, legacy=old), old=old))
    path = tmp_path_factory.mktemp("caffe") / f"{'old' if old else 'new'}.caffemodel"
    path.write_bytes(model(*layers))
    return path


@pytest.mark.parametrize("size", [(97, 131), (64, 80), (480, 854)], ids=str)
def test_features_are_those_of_caffes_model(opencv4, caffemodel, tmp_path, size):
    if size == (480, 854) and caffemodel.stem == "old":
        pytest.skip("once is enough")
    frames = np.random.default_rng(1).integers(0, 256, (1, *size, 3), np.uint8)  # BGR
    layers = ["conv5_3", "fc6", "fc7"]
    settings = section_defaults("appearance", {"network": "deeplab_largefov", "layers": layers})
    network = stage.build("deeplab_largefov", settings, caffemodel)
    ours = stage.features(network, frames, torch.device("cpu"))

    (tmp_path / "net.prototxt").write_text(prototxt(*size))
    x = frames.astype(np.float64) - np.array([104.008, 116.669, 122.675])
    np.save(tmp_path / "x.npy", x.transpose(0, 3, 1, 2).astype(np.float32))
    files = [tmp_path / "net.prototxt", caffemodel, tmp_path / "x.npy", tmp_path / "out.npz"]
    subprocess.run([opencv4, "-c", RUN, *files], check=True)
    with np.load(tmp_path / "out.npz") as theirs:
        for name in layers:
            assert ours[name].shape == theirs[name].shape
            assert tuple(theirs[name].shape[2:]) == network.grid(name, size).shape
            worst = np.abs(ours[name] - theirs[name]).max() / np.abs(theirs[name]).max()
            print(f"{name} at {size}: {worst:.1e} of the largest value")
            assert worst < 1e-4
