"""DeepLabV3: torchvision's names and shapes, a plain float64 reference, and torchvision itself."""

import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vosmem.appearance import LAYERS, deeplabv3, stage
from vosmem.config import section_defaults
from vosmem.errors import UserError

NAMES = ["deeplabv3_resnet50", "deeplabv3_resnet101", "deeplabv3_mobilenet_v3_large"]


def norm(name, n):
    """Names and shapes of a batch normalisation."""
    kinds = ("weight", "bias", "running_mean", "running_var")
    return {**{f"{name}.{kind}": (n,) for kind in kinds}, f"{name}.num_batches_tracked": ()}


def head(channels):
    """Of the head of a checkpoint, and of the auxiliary classifier that comes with it, which nothing here has."""
    found = {f"classifier.0.convs.{i}.0.weight": (256, channels, *[1 if i == 0 else 3] * 2) for i in range(4)}
    for i in range(4):
        found |= norm(f"classifier.0.convs.{i}.1", 256)
    found |= {"classifier.0.convs.4.1.weight": (256, channels, 1, 1)} | norm("classifier.0.convs.4.2", 256)
    found |= {"classifier.0.project.0.weight": (256, 1280, 1, 1)} | norm("classifier.0.project.1", 256)
    found |= {"classifier.1.weight": (256, 256, 3, 3)} | norm("classifier.2", 256)
    return found | {"classifier.4.weight": (21, 256, 1, 1), "classifier.4.bias": (21,)}


def resnet(blocks):
    """Of torchvision's dilated ResNet, without its classifier."""
    found, c_in = {"conv1.weight": (64, 3, 7, 7)} | norm("bn1", 64), 64
    for i, count in enumerate(blocks, 1):
        width = 32 * 2**i
        for block in range(count):
            at = f"layer{i}.{block}"
            shapes = ((width, c_in, 1, 1), (width, width, 3, 3), (4 * width, width, 1, 1))
            for k, shape in enumerate(shapes, 1):
                found |= {f"{at}.conv{k}.weight": shape} | norm(f"{at}.bn{k}", shape[0])
            if block == 0:
                found |= {f"{at}.downsample.0.weight": (4 * width, c_in, 1, 1)} | norm(f"{at}.downsample.1", 4 * width)
            c_in = 4 * width
    return {f"backbone.{k}": v for k, v in found.items()}


@pytest.mark.parametrize(("name", "blocks"), [(NAMES[0], (3, 4, 6, 3)), (NAMES[1], (3, 4, 23, 3))])
def test_names_and_shapes_are_those_of_torchvisions_checkpoints(name, blocks):
    with torch.device("meta"):
        network = stage.NETWORKS[name].make(["scores"], {})
    ours = {k: tuple(t.shape) for k, t in network.state_dict().items()}
    assert ours == resnet(blocks) | head(2048)
    parameters = sum(p.numel() for p in network.parameters())
    auxiliary = 256 * 1024 * 9 + 2 * 256 + 256 * 21 + 21
    # as torchvision's documentation counts them
    assert parameters + auxiliary == {NAMES[0]: 42_004_074, NAMES[1]: 60_996_202}[name]


def test_mobilenet_has_as_many_parameters_as_torchvision_tells():
    with torch.device("meta"):
        network = deeplabv3.mobilenet_v3_large(["scores"])
    auxiliary = 10 * 40 * 9 + 2 * 10 + 10 * 21 + 21
    assert sum(p.numel() for p in network.parameters()) + auxiliary == 11_029_328


def fill(tensors, seed=0):
    """Random values that keep the size of what goes through, also where a batch normalisation is not the identity."""
    rng, filled = np.random.default_rng(seed), {}
    for name, t in tensors.items():
        if name.endswith("num_batches_tracked"):
            filled[name] = t
            continue
        scale = (2 / max(1, t[0].numel())) ** 0.5 if t.dim() > 1 else 0.2
        values = torch.from_numpy(scale * rng.standard_normal(tuple(t.shape)))
        filled[name] = (values + (t.dim() == 1 and name.endswith(("weight", "running_var")))).to(t.dtype)
    return filled


class Plain:
    """DeepLabV3 on a dilated ResNet, written out on functions, in float64."""

    def __init__(self, tensors):
        self.t = {k: v.double() for k, v in tensors.items()}

    def conv(self, x, name, stride=1, padding=0, dilation=1):
        return F.conv2d(x, self.t[f"{name}.weight"], self.t.get(f"{name}.bias"), stride, padding, dilation)

    def norm(self, x, name):
        mean, var, weight, bias = (
            self.t[f"{name}.{k}"].view(-1, 1, 1) for k in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (var + 1e-5).sqrt() * weight + bias

    def block(self, x, at, stride, dilation):
        y = F.relu(self.norm(self.conv(x, f"{at}.conv1"), f"{at}.bn1"))
        y = F.relu(self.norm(self.conv(y, f"{at}.conv2", stride, dilation, dilation), f"{at}.bn2"))
        y = self.norm(self.conv(y, f"{at}.conv3"), f"{at}.bn3")
        if f"{at}.downsample.0.weight" in self.t:
            x = self.norm(self.conv(x, f"{at}.downsample.0", stride), f"{at}.downsample.1")
        return F.relu(x + y)

    def __call__(self, rgb):
        x = (rgb / 255 - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor(
            [0.229, 0.224, 0.225]
        ).double().view(3, 1, 1)
        x = F.relu(self.norm(self.conv(x, "backbone.conv1", 2, 3), "backbone.bn1"))
        x = F.max_pool2d(x, 3, 2, 1)
        maps = {}
        # the first block of a layer: its stride and dilation; the others' dilation
        for layer, stride, first, dilation in ((1, 1, 1, 1), (2, 2, 1, 1), (3, 1, 1, 2), (4, 1, 2, 4)):
            count = len({k.split(".")[2] for k in self.t if k.startswith(f"backbone.layer{layer}.")})
            for i in range(count):
                at = f"backbone.layer{layer}.{i}"
                x = self.block(x, at, 1 if i else stride, dilation if i else first)
            maps[f"layer{layer}"] = x
        views = [F.relu(self.norm(self.conv(x, "classifier.0.convs.0.0"), "classifier.0.convs.0.1"))]
        for i, rate in enumerate((12, 24, 36), 1):
            at = f"classifier.0.convs.{i}"
            views.append(F.relu(self.norm(self.conv(x, f"{at}.0", 1, rate, rate), f"{at}.1")))
        mean = F.relu(self.norm(self.conv(x.mean((2, 3), keepdim=True), "classifier.0.convs.4.1"),
                                "classifier.0.convs.4.2"))  # fmt: skip
        views.append(mean.expand_as(views[0]))
        x = F.relu(self.norm(self.conv(torch.cat(views, 1), "classifier.0.project.0"), "classifier.0.project.1"))
        maps["aspp"] = x
        x = F.relu(self.norm(self.conv(x, "classifier.1", 1, 1), "classifier.2"))
        maps["scores"] = self.conv(x, "classifier.4")
        return maps


def built(name, path, seed=0, more=()):
    """The network from a file of random weights, as the stage makes it, and these weights."""
    given = fill(stage.NETWORKS[name].make(["scores"], {}).state_dict(), seed)
    torch.save(given | dict(more), path)
    settings = section_defaults("appearance", {"network": name, "layers": list(LAYERS[name])})
    return stage.build(name, settings, path), given


def test_every_layer_is_that_of_a_plain_reference(tmp_path):
    auxiliary = {"aux_classifier.4.bias": torch.zeros(21)}  # comes with the checkpoints
    network, given = built("deeplabv3_resnet50", tmp_path / "w.pth", more=auxiliary)
    frames = np.random.default_rng(1).integers(0, 256, (1, 45, 67, 3), np.uint8)
    ours = stage.features(network, frames, torch.device("cpu"))
    with torch.no_grad():
        plain = Plain(given)(torch.from_numpy(frames[..., ::-1].copy()).permute(0, 3, 1, 2).double())
    assert ours.keys() == plain.keys()
    for layer, expected in plain.items():
        np.testing.assert_allclose(ours[layer], expected, atol=2e-4 * float(expected.abs().max()), err_msg=layer)


def test_layers_below_the_head_do_not_need_it(tmp_path):
    name = "deeplabv3_mobilenet_v3_large"
    with_head = deeplabv3.mobilenet_v3_large(["block16", "scores"])
    torch.save(with_head.state_dict(), tmp_path / "w.pth")
    settings = section_defaults("appearance", {"network": name, "layers": ["block6"]})
    network = stage.build(name, settings, tmp_path / "w.pth")
    assert network.classifier is None
    assert [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)] == []  # all folded


def test_another_networks_checkpoint_is_refused(tmp_path):
    torch.save(deeplabv3.resnet50(["layer4"]).state_dict(), tmp_path / "w.pth")
    settings = section_defaults("appearance", {"network": "deeplabv3_resnet101", "layers": ["layer4"]})
    with pytest.raises(UserError, match=r"not hold the weights of deeplabv3_resnet101 \(missing \['backbone\.layer3"):
        stage.build("deeplabv3_resnet101", settings, tmp_path / "w.pth")


PEER = """
import sys, torch
ops = torch.library.Library("torchvision", "DEF")  # of its compiled part, which is for another build of PyTorch
for name in ("nms", "qnms"):
    ops.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from torchvision.models import segmentation
name, weights, frames, out = sys.argv[1:]
network = getattr(segmentation, name)(weights=None, weights_backbone=None, aux_loss=False).eval()
network.load_state_dict(torch.load(weights))
with torch.inference_mode():
    x = torch.load(frames)
    torch.save((network.classifier[0](network.backbone(x)["out"]), network.classifier(network.backbone(x)["out"])), out)
"""


@pytest.fixture(scope="session")
def torchvision(tmp_path_factory, needs):
    """A folder with torchvision in it, of any version, and Pillow, which it imports; its compiled part is not used."""
    folder = tmp_path_factory.mktemp("torchvision")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check", "--dest"]
    done = subprocess.run([*pip, folder, "torchvision", "pillow"], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    needs("torchvision", len(wheels) == 2, f"pip could not fetch it: {done.stderr.strip()[-200:]}")
    for path in wheels:
        with zipfile.ZipFile(path) as wheel:
            wheel.extractall(folder / "lib")
    return folder / "lib"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_torchvision_makes_the_same_of_the_same_checkpoint(torchvision, name, tmp_path, monkeypatch):
    network, _ = built(name, tmp_path / "w.pth")
    frames = np.random.default_rng(1).integers(0, 256, (1, 97, 131, 3), np.uint8)
    ours = stage.features(network, frames, torch.device("cpu"))
    rgb = torch.from_numpy(frames[..., ::-1].copy()).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    torch.save((rgb - mean) / std, tmp_path / "x.pt")
    monkeypatch.setenv("PYTHONPATH", str(torchvision))
    files = [tmp_path / "w.pth", tmp_path / "x.pt", tmp_path / "out.pt"]
    subprocess.run([sys.executable, "-c", PEER, name, *files], check=True)
    for layer, theirs in zip(("aspp", "scores"), torch.load(tmp_path / "out.pt"), strict=True):
        worst = np.abs(ours[layer] - theirs.numpy()).max() / float(theirs.abs().max())
        print(f"{name} {layer}: {worst:.1e} of the largest value")
        assert worst < 1e-4
