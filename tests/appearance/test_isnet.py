"""IS-Net: its shape on a narrow network of its kind against the paper written out, and its real weights."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.appearance.nested_by_hand import check_edge_to_edge, written_out
from tests.weights.onnx_file import model, tensor
from vosmem import config, weights
from vosmem.appearance import isnet, nested, stage
from vosmem.errors import UserError

CPU = torch.device("cpu")


class Narrow(nested.Nested):
    """As IS-Net: widths that differ, a stem, no fusion."""

    def __init__(self, layers, size):
        super().__init__(
            layers, size, down=[(2, 3), (2, 4), (3, 5), (2, 6), (3, 4), (4, 2)],
            up=[(2, 5), (3, 4), (2, 3), (3, 6), (2, 4)], stem=5, fused=False,
        )  # fmt: skip

    def normalised(self, frames):
        return isnet.ISNet.normalised(self, frames)


@pytest.fixture
def narrow():
    network = Narrow(list(nested.CACHED), (64, 128)).double().eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        scale = (2 / np.prod(parameter.shape[1:])) ** 0.5 if parameter.ndim > 1 else 0.1
        parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * scale)
    return network


def test_the_network_is_the_paper_written_out(narrow):
    """In float64; both before and after the means are moved into the biases."""
    named = dict(narrow.named_parameters())
    numbers = [(tensor.clone(), named[f"{name[:-7]}.bias"].clone()) for name, tensor in named.items()
               if name.endswith("weight")]  # fmt: skip
    frames = torch.rand(1, 3, 64, 128, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 200
    up, logits = written_out(frames / 255 - 0.5, numbers, stem=True, fused=False)
    with torch.inference_mode():
        for prepare in (None, narrow.centre):
            if prepare:
                prepare()
            maps = narrow(frames)
            for name, expected in zip(
                ["stage6", "stage5d", "stage4d", "stage3d", "stage2d", "stage1d"], up, strict=True
            ):
                torch.testing.assert_close(maps[name], expected, atol=1e-9, rtol=1e-9)
            torch.testing.assert_close(maps["full_sides"], logits, atol=1e-9, rtol=1e-9)
            torch.testing.assert_close(maps["sides"], F.avg_pool2d(logits, 2), atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("frame", [(480, 854), (854, 480), (97, 131)])
@pytest.mark.parametrize("size", [64, (64, 192)])
def test_maps_lie_on_the_grids_that_the_network_tells(frame, size):
    with torch.device("meta"):
        network = isnet.ISNet(list(nested.CACHED), size)
        maps = network(torch.zeros(1, 3, *frame))
    for name, map_ in maps.items():
        grid = network.grid(name, frame)
        assert map_.shape[-2:] == grid.shape
        check_edge_to_edge(grid, frame)


def test_sizes_are_multiples_of_64():
    with torch.device("meta"), pytest.raises(ValueError, match="multiples of 64"):
        isnet.ISNet([], (1024, 96))
    for bad in (96, [1024], [1024, 96], 0):
        with pytest.raises(UserError, match="isnet_size"):
            config.section_defaults("appearance", {"isnet_size": bad})
    assert isnet.ISNet.input_size(narrow_of(128), (480, 854)) == (128, 256)


def narrow_of(size):
    with torch.device("meta"):
        return Narrow([], size)


def test_another_networks_file_is_told(tmp_path):
    settings = config.section_defaults("appearance", {"network": "isnet"})
    for rows, told in (
        ([], "no conv_in.weight"),
        ([(f"{n}.{k}", np.zeros(3, np.float32)) for n in ["conv_in", *(f"side{i}" for i in range(1, 7))]
          for k in ("weight", "bias")], "0 numbered tensors, expected 224"),
    ):  # fmt: skip
        (tmp_path / "other.onnx").write_bytes(model(*(tensor(*row) for row in rows)))
        with pytest.raises(UserError, match=f"does not hold the weights of isnet .*{told}"):
            stage.build("isnet", settings, tmp_path / "other.onnx")


@pytest.fixture(scope="module")
def real(repository, needs):
    """The real weights, once they were fetched."""
    path = weights.entry("isnet").path(repository / weights.FOLDER)
    needs("isnet", path.is_file(), f"no {path}; run `vosmem weights isnet` in {repository}")
    assert weights.sha256(path) == weights.entry("isnet").sha256
    return path


@pytest.mark.slow
def test_the_real_weights_agree_with_the_onnx_graph(real):
    """ONNX Runtime runs the file's own graph, whose weights and only these are float16, at its own size."""
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra `test`")
    network = stage.build("isnet", config.section_defaults("appearance", {"layers": ["full_sides"]}), real)
    y, x = np.mgrid[:480, :854]
    frame = np.where(((x - 300) ** 2 + (y - 200) ** 2 < 90**2)[..., None], (60, 80, 210), (90, 110, 80)).astype(
        np.uint8
    )
    given = network.normalised(torch.from_numpy(frame[None, ..., ::-1].copy()).permute(0, 3, 1, 2).float())
    logits = torch.from_numpy(stage.features(network, frame[None], CPU)["full_sides"])
    session = runtime.InferenceSession(real, providers=["CPUExecutionProvider"])
    theirs = session.run(None, {"input": given.numpy()})[0]
    ours = F.interpolate(logits[:, :1], given.shape[-2:], mode="bilinear").sigmoid()
    np.testing.assert_allclose(ours.numpy(), theirs, atol=2e-3)
    found = theirs[0, 0] > 0.5
    assert found.mean() == pytest.approx(np.pi * 90**2 / (480 * 854), rel=0.1)
