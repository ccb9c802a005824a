"""U2-Net and U2-Net-p: the layers of the paper called one after the other, where maps lie, and the real weights."""

import json

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.appearance import u2netp_file
from tests.appearance.nested_by_hand import check_edge_to_edge, written_out
from tests.weights.onnx_file import model, tensor
from vosmem import cache, config, precision, video, weights
from vosmem.appearance import nested, stage, u2net
from vosmem.errors import UserError
from vosmem.grid import Axis, Grid

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def numbers():
    return u2netp_file.numbers()


@pytest.fixture(scope="module")
def file(numbers, tmp_path_factory):
    return u2netp_file.write(tmp_path_factory.mktemp("weights") / "random.onnx", numbers)


def test_the_network_is_the_paper_written_out(file, numbers):
    """In float64, from the file on: reader, conversion, blocks, decoder, sides."""
    settings = config.section_defaults("appearance", {"layers": list(nested.CACHED), "saliency_size": [64, 96]})
    network = stage.build("u2netp", settings, file).double()
    frames = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 200
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (frames / frames.max() - mean.double().view(3, 1, 1)) / std.double().view(3, 1, 1)
    up, logits = written_out(x, [(w.float().double(), b.float().double()) for w, b in numbers])
    with torch.inference_mode():
        maps = network(frames)
    moved = {"atol": 5e-6, "rtol": 5e-6}  # the means that `centre` moves into the biases are rounded to float32
    for name, expected in zip(["stage6", "stage5d", "stage4d", "stage3d", "stage2d", "stage1d"], up, strict=True):
        torch.testing.assert_close(maps[name], expected, **moved)
    torch.testing.assert_close(maps["full_sides"], logits, **moved)
    torch.testing.assert_close(maps["sides"], F.avg_pool2d(logits, 2), **moved)


def test_the_large_one_is_as_wide_as_the_paper_says():
    """Table 1: 176.3 MB of float32, where the small one has 4.7."""
    for network, megabytes in ((u2net.U2Net, 176.3), (u2net.U2NetP, 4.7)):
        with torch.device("meta"):
            parameters = network([], 320).parameters()
        assert 4e-6 * sum(p.numel() for p in parameters) == pytest.approx(megabytes, rel=0.05)  # theirs with the norms


@pytest.mark.parametrize("frame", [(480, 854), (854, 480), (97, 131), (480, 1920), (33, 20)])
@pytest.mark.parametrize("size", [32, 64, (32, 96)])
@pytest.mark.parametrize(("of", "channels"), [(u2net.U2Net, (64, 64, 128, 256, 512, 512)), (u2net.U2NetP, (64,) * 6)])
def test_maps_lie_on_the_grids_that_the_network_tells(of, channels, frame, size):
    channels = dict(zip(nested.DECODED, channels, strict=True)) | {"sides": 7, "full_sides": 7}
    with torch.device("meta"):
        network = of(list(nested.CACHED), size)
        maps = network(torch.zeros(2, 3, *frame))
    for name, map_ in maps.items():
        grid = network.grid(name, frame)
        assert map_.shape == (2, channels[name], *grid.shape)
        check_edge_to_edge(grid, frame)
    if isinstance(size, int) and frame != (33, 20):
        assert min(network.input_size(frame)) == size


def test_input_sizes():
    assert u2net.U2NetP([], 320).input_size((480, 854)) == (320, 576)
    assert u2net.U2NetP([], (320, 320)).input_size((480, 854)) == (320, 320)
    with pytest.raises(ValueError, match="multiples of 32"):
        u2net.U2NetP([], 300)
    for bad in (300, [320], [320, 300], 0):
        with pytest.raises(UserError, match="saliency_size"):
            config.section_defaults("appearance", {"saliency_size": bad})


def lamp(path):
    """A network that passes the frame's red channel through, by the skips alone or by way of the lowest stage."""
    network = u2net.U2NetP(list(nested.CACHED), 96).eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter.zero_()
    for block in network.encoder.values():
        block.inward.weight[0, 0, 1, 1] = 1
    network.encoder["stage1"].inward.bias[0] = 3  # what is normalised is negative where dark
    for block in network.decoder.values():
        block.inward.weight[0, 64 if path == "skip" else 0, 1, 1] = 1
    for side in network.side:
        side.weight[0, 0, 1, 1] = 1
    network.fuse.weight[:] = 1 / 6
    return network


def crossing(profile, axis):
    """Where a profile that steps once, up or down, passes the middle between its ends, in pixels of the frame."""
    above = profile > (profile[0] + profile[-1]) / 2
    i = int(np.flatnonzero(above[1:] != above[:-1])[0])
    part = ((profile[0] + profile[-1]) / 2 - profile[i]) / (profile[i + 1] - profile[i])
    return axis.stride * (i + part) + axis.offset


@pytest.mark.parametrize("path", ["skip", "deep"])
@pytest.mark.parametrize("turned", [False, True], ids=["columns", "rows"])
def test_an_edge_comes_out_where_it_went_in(path, turned):
    """Bright on either side in turn, since pooling the largest widens what is bright; in every phase of all cells, of
    which the largest are 40 pixels wide."""
    network, n = lamp(path), 120
    edges = np.arange(40, 80, 2)
    profiles = np.where(np.arange(n) >= edges[:, None], 200, 20).astype(np.uint8)  # (20, n)
    profiles = np.concatenate([profiles, 220 - profiles])  # (40, n)
    images = np.broadcast_to(profiles[:, None, :, None], (40, n, n, 3))
    maps = stage.features(network, images.swapaxes(1, 2) if turned else images, CPU)
    for name in nested.CACHED:
        grid = network.grid(name, (n, n))
        lines = maps[name][:, 0].swapaxes(1, 2) if turned else maps[name][:, 0]
        errors = [
            crossing(line[grid.y.size // 2], grid.x) - (edge - 0.5)
            for line, edge in zip(lines, [*edges, *edges], strict=True)
        ]
        assert abs(np.mean(errors)) < 0.05 * grid.x.stride, name


def sequence(folder, frames):
    """A description of the given BGR frames."""
    names = [f"{t:02d}.png" for t in range(len(frames))]
    for name, frame in zip(names, frames, strict=True):
        cv2.imwrite(str(folder / name), frame)
    told = {
        "sequence": "toy", "root": str(folder), "frames": names, "masks": [None] * len(frames),
        "size": frames[0].shape[:2], "working_size": frames[0].shape[:2], "defects": [],
    }  # fmt: skip
    (folder / "toy.json").write_text(json.dumps(told))
    return folder / "toy.json"


def test_the_stage_writes_its_usual_layers(tmp_path, file):
    frames = np.random.default_rng(0).integers(0, 255, (2, 97, 131, 3), np.uint8)
    settings = config.section_defaults("appearance", {"network": "u2netp", "saliency_size": 64, "weights": str(file)})
    assert stage.run(sequence(tmp_path, frames), tmp_path / "a.h5", "u2netp", settings, file, CPU) == 2
    with cache.read(tmp_path / "a.h5", "appearance") as read:
        assert read.names == ["sides"]
        assert read.shape("sides") == (2, 7, 32, 48)
        assert read.grid("sides") == Grid(Axis(32, 97 / 32, 97 / 64 - 0.5), Axis(48, 131 / 48, 131 / 96 - 0.5))
        assert read.maker.parameters == {
            "layers": ["sides"], "saliency_size": 64, "precision": precision.choose("auto", CPU)
        }  # fmt: skip
        assert read.maker.weights_sha256 == weights.sha256(file)


@pytest.mark.parametrize("size", [(64, 64), (32, 96)])
def test_centring_changes_nothing(file, size):
    """In float64, to the border, although what is zero outside the map is not zero any more once a mean is gone."""
    network = u2net.U2NetP(list(nested.CACHED), size).double().eval()
    network.load_state_dict(u2net.convert(weights.load(file), u2net.U2NetP))
    frames = torch.rand(2, 3, 70, 90, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 255
    with torch.inference_mode():
        expected = network(frames)
        network.centre()
        assert all((block.offset[1:].abs().amax(1) > 0.1).all() for block in network.decoder.values())
        torch.testing.assert_close(network(frames), expected, atol=1e-9, rtol=1e-9)


def test_bfloat16_is_near_float32_once_centred(file):
    """Even where a channel of 3000 + little is taken away again, as in the real weights."""
    errors = {}
    for centred in (False, True):
        network = u2net.U2NetP(["stage1d"], 64).eval().requires_grad_(False)
        network.load_state_dict(u2net.convert(weights.load(file), u2net.U2NetP))
        block = network.decoder["stage1d"]
        block.up[-2].bias[3] += 3000
        block.up[-1].bias -= 3000 * block.up[-1].weight[:, 3].sum((1, 2))
        if centred:
            network.centre()
        frames = np.random.default_rng(0).integers(0, 255, (1, 64, 96, 3), np.uint8)
        exact, rounded = (
            stage.features(network, frames, CPU, p)["stage1d"][..., 4:-4, 4:-4] for p in ("float32", "bfloat16")
        )  # the border, where 3000 ends, is another matter
        assert rounded.dtype == np.float32
        errors[centred] = np.abs(rounded - exact).mean() / exact.std()
    assert 0 < errors[True] < 0.01 < errors[False]


def test_files_that_are_not_its_weights(tmp_path, file):
    settings = config.section_defaults("appearance", {"layers": ["sides", "block4"]})
    with pytest.raises(UserError, match="u2netp has no layer 'block4'; it has sides, stage1d"):
        stage.build("u2netp", settings, file)
    settings["layers"] = []
    tensors = {name: t.numpy() for name, t in weights.load(file).items()}
    for drop, told in (("side3.bias", "no side3.bias"), ("1999", "223 numbered tensors, expected 224")):
        path = tmp_path / "other.onnx"
        path.write_bytes(model(*(tensor(name, t) for name, t in tensors.items() if name != drop)))
        with pytest.raises(UserError, match=f"does not hold the weights of u2netp .*{told}"):
            stage.build("u2netp", settings, path)
    tensors["1999"] = np.zeros(5, np.float32)
    path.write_bytes(model(*(tensor(name, t) for name, t in tensors.items())))
    with pytest.raises(UserError, match=r"does not hold the weights of u2netp .*size mismatch"):
        stage.build("u2netp", settings, path)


@pytest.fixture(scope="module", params=["u2netp", "u2net"])
def name(request):
    return request.param


@pytest.fixture(scope="module")
def real(repository, needs, name):
    """The real weights, once they were fetched."""
    entry = weights.entry(name)
    path = entry.path(repository / weights.FOLDER)
    needs(name, path.is_file(), f"no {path}; run `vosmem weights {name}` in {repository}")
    assert weights.sha256(path) == entry.sha256
    return path


def test_the_real_weights_agree_with_the_onnx_graph(real, name):
    """ONNX Runtime runs the file's own graph, which this network has to equal."""
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra `test`")
    settings = config.section_defaults("appearance", {"layers": ["sides"], "saliency_size": [320, 320]})
    network = stage.build(name, settings, real)
    frames = torch.from_numpy(video.resize(disc((200, 300)), (320, 320))[None, ..., ::-1].copy())  # (1, 320, 320, 3)
    logits = []
    network.saliency = lambda decoded: logits.append(type(network).saliency(network, decoded)) or logits[0]
    with torch.inference_mode():
        x = frames.permute(0, 3, 1, 2).float()
        network(x)
        session = runtime.InferenceSession(real, providers=["CPUExecutionProvider"])
        theirs = session.run(None, {"input.1": network.normalised(x).contiguous().numpy()})
    np.testing.assert_allclose(logits[0].sigmoid().numpy()[0], np.concatenate(theirs, 1)[0], atol=1e-3)


def disc(centre, size=(480, 854), radius=90):
    """A bright disc with texture, (x, y) ``centre``, over a darker texture: (H, W, 3) uint8."""
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.normal(0, 60, (*size, 3)), (0, 0), 4) * 3
    image = np.full((*size, 3), (90, 110, 80)) + noise
    y, x = np.mgrid[: size[0], : size[1]]
    inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2
    image[inside] = np.array([60, 80, 210]) + noise[inside] * 0.5
    return np.clip(image, 0, 255).astype(np.uint8)


def test_the_real_weights_bear_bfloat16(real, name):
    """The small one's stage2d has a channel of 226.3 +- 0.2, whose rounding would be an error of a quarter in d0."""
    settings = config.section_defaults("appearance", {"layers": ["sides"]})
    network = stage.build(name, settings, real, CPU, "bfloat16")
    exact, rounded = (
        stage.features(network, disc((250, 200))[None], CPU, p)["sides"][0] for p in ("float32", "bfloat16")
    )
    assert (np.sqrt(((rounded - exact) ** 2).mean((1, 2))) < 0.03 * exact.std((1, 2))).all()


@pytest.mark.parametrize("centre", [(250, 200), (601, 283)])
def test_the_real_weights_find_a_disc_where_it_is(real, name, centre):
    settings = config.section_defaults("appearance", {"layers": ["sides"]})
    network = stage.build(name, settings, real, CPU, "bfloat16")
    logits = stage.features(network, disc(centre)[None], CPU, "bfloat16")["sides"][0, 0]  # d0
    grid = network.grid("sides", (480, 854))
    found = logits > 0
    y, x = grid.y.centres()[:, None], grid.x.centres()[None]
    true = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= 90**2
    assert np.sum(found & true) / np.sum(found | true) > 0.9
    where = np.array([(x * found).sum(), (y * found).sum()]) / found.sum()
    assert np.abs(where - centre).max() < 2
