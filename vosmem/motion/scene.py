"""Random moving scenes whose flow is known exactly: surfaces at some depth, a pinhole camera, things that move.

Coordinates: (x, y) in units of half the frame's width, 0 at its centre. A pixel sees the point
P = (x / f, y / f, 1) / rho at inverse depth rho; f is the focal length in the same unit. In the time of one frame the
point goes to P' = A P + b (+ deformation), where A and b join what the surface and then the camera did, and is seen
at f' (P'_x, P'_y) / P'_z. The flow is the difference, with no approximation.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

OBJECTS, PARTS, STILL = 4, 3, 4  # at most so many moving objects, parts of each, and still objects
SLOTS = 1 + STILL + OBJECTS * PARTS  # surfaces: the background, still ones, parts of moving ones
# In which order they are put there: the last still one may stand before the first object.
ORDER = (*range(STILL), *range(1 + STILL, 1 + STILL + PARTS), STILL, *range(1 + STILL + PARTS, SLOTS))


@dataclass
class Scene:
    """N scenes of H x W pixels with K surfaces each.

    slot: (N, H, W) int64, which surface a pixel sees; 0 is the background.
    outline: (N, K, H, W) bool, all of each surface, what others hide too; ORDER is that in which they were put there.
    planes: (N, K, 3), each surface's inverse depth: at the centre, and its slope along x and y.
    relief: (N, H, W), what the background's has besides.
    a, b: (N, K, 3, 3) and (N, K, 3), the motion of each surface relative to the camera.
    moving: (N, K) bool, whether the surface moves by itself.
    waves: (N, 2, H, W), how surfaces bend; bend: (N, K), how much of it each takes; stirred: (N, H, W), and the
        background, where it is water or leaves.
    focal, focal_after: (N,), in half widths.
    """

    slot: Tensor
    outline: Tensor
    planes: Tensor
    relief: Tensor
    a: Tensor
    b: Tensor
    moving: Tensor
    waves: Tensor
    bend: Tensor
    stirred: Tensor
    focal: Tensor
    focal_after: Tensor

    def only(self, surface: int) -> "Scene":
        """The same world where every pixel sees that surface, as if it went on for ever."""
        return replace(self, slot=torch.full_like(self.slot, surface))

    @property
    def rho(self) -> Tensor:
        """Inverse depth of what each pixel sees, (N, H, W)."""
        x, y = coordinates(*self.slot.shape[1:])  # (H, W) each
        at_centre, along_x, along_y = self._seen(self.planes).unbind(1)  # (N, H, W) each
        rho = at_centre + along_x * x + along_y * y
        return (rho + self.relief * (self.slot == 0)).clamp(0.01, 4.0)

    @property
    def deformation(self) -> Tensor:
        """What is added to the first two components of rho * P', (N, 2, H, W)."""
        amount = self._seen(self.bend[:, :, None])[:, 0] + self.stirred * (self.slot == 0)  # (N, H, W)
        return self.waves * amount[:, None]

    def _seen(self, of_surface: Tensor) -> Tensor:
        """What each pixel's surface has: (N, K, C) -> (N, C, H, W)."""
        index = self.slot.flatten(1)[:, :, None].expand(-1, -1, of_surface.shape[2])  # (N, HW, C)
        return of_surface.gather(1, index).transpose(1, 2).unflatten(2, self.slot.shape[1:])

    def flow(self) -> Tensor:
        """Exact flow (N, 2, H, W) in pixels, u right and v down."""
        height, width = self.slot.shape[1:]
        x, y = coordinates(height, width)  # (H, W) each
        focal, after = self.focal[:, None, None], self.focal_after[:, None, None]
        motion = self._seen(torch.cat([self.a.flatten(2), self.b], dim=2))  # (N, 12, H, W)
        rho, deformation = self.rho, self.deformation
        # rho * P' = A (x / f, y / f, 1) + rho b: homogeneous, so that rho may come close to 0
        px, py = x / focal, y / focal  # (N, H, W)
        qx, qy, qz = (
            motion[:, 3 * i] * px + motion[:, 3 * i + 1] * py + motion[:, 3 * i + 2] + rho * motion[:, 9 + i]
            for i in range(3)
        )
        qz = qz.clamp_min(0.2)  # a point that would come to lie behind the camera
        u = after * (qx + deformation[:, 0]) / qz - x
        v = after * (qy + deformation[:, 1]) / qz - y
        return torch.stack([u, v], dim=1) * (width / 2)

    def label(self) -> Tensor:
        """(N, 1, H, W) float: 1 where the surface moves independently of the camera, else 0."""
        return self._seen(self.moving[:, :, None]).float()


class Draw:
    """Random numbers for N scenes from one seeded generator, always on the CPU: any device gets the same scenes."""

    def __init__(self, n: int, seed: int) -> None:
        self.n = n
        self.generator = torch.Generator().manual_seed(seed)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(self.n, *shape, generator=self.generator)

    def log_uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return self.uniform(math.log(low), math.log(high), *shape).exp()

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(self.n, *shape, generator=self.generator)

    def chance(self, probability: float, *shape: int) -> Tensor:
        """1 with the given probability, else 0; float."""
        return (torch.rand(self.n, *shape, generator=self.generator) < probability).float()

    def count(self, weights: list[float]) -> Tensor:
        """(N,) int: i with probability proportional to weights[i]."""
        return torch.multinomial(torch.tensor(weights), self.n, replacement=True, generator=self.generator)

    def smooth(self, channels: int, height: int, width: int, cells: int) -> Tensor:
        """(N, channels, H, W): smooth noise of deviation about 0.7, `cells` lumps across the frame."""
        rows = max(2, round(cells * height / width)) + 1
        lumps = self.normal(channels, rows, cells + 1)
        return F.interpolate(
            lumps, size=(height, width), mode="bilinear" if cells > 24 else "bicubic", align_corners=True
        )


def coordinates(height: int, width: int) -> tuple[Tensor, Tensor]:
    """x and y of the pixel centres in half widths, (H, W) each."""
    y = (torch.arange(height) - (height - 1) / 2) / (width / 2)
    x = (torch.arange(width) - (width - 1) / 2) / (width / 2)
    return x[None, :].expand(height, width), y[:, None].expand(height, width)


def rotation(vector: Tensor) -> Tensor:
    """Rotation vectors (..., 3) in radians -> matrices (..., 3, 3)."""
    a, b, c = vector.unbind(-1)
    zero = torch.zeros_like(a)
    cross = torch.stack([zero, -c, b, c, zero, -a, -b, a, zero], dim=-1).unflatten(-1, (3, 3))
    return torch.linalg.matrix_exp(cross)


def star(
    x: Tensor, y: Tensor, centre: Tensor, radius: Tensor, draw: Draw, angle: Tensor, aspect: Tensor, rough: float = 0.3
) -> Tensor:
    """Irregular shapes, circles whose radius is a short random Fourier series: (N, H, W) bool.

    x, y: (N, H, W); centre (N, 2); radius, angle, aspect (N,): a shape is `aspect` times as long along `angle`
    as across.
    """
    dx, dy = x - centre[:, 0, None, None], y - centre[:, 1, None, None]
    cos, sin = (angle.cos()[:, None, None], angle.sin()[:, None, None])
    stretch = aspect.sqrt()[:, None, None] * radius[:, None, None]
    along, across = (cos * dx + sin * dy) / stretch, (cos * dy - sin * dx) * (stretch / radius[:, None, None] ** 2)
    r = torch.sqrt(along * along + across * across).clamp_min(1e-6)
    c1, s1 = along / r, across / r
    c, s = c1, s1
    outline = torch.ones_like(r)
    for k in range(2, 7):  # cos and sin of k times the polar angle, by the addition theorem
        c, s = c * c1 - s * s1, c * s1 + s * c1
        amount = draw.normal(2) * rough / k**0.7
        outline = outline + amount[:, 0, None, None] * c + amount[:, 1, None, None] * s
    return r < outline.clamp(0.3, 2.2)


def random_scene(n: int, height: int, width: int, seed: int, *, objects: int | None = None) -> Scene:
    """N random scenes.

    objects: number of moving objects in each, 0 to 4; None draws it.
    Magnitudes follow what hand-held video at 480x854 shows: from a fraction of a pixel to sixty.
    """
    draw = Draw(n, seed)
    top = height / width
    base_x, base_y = coordinates(height, width)
    warp = (draw.smooth(2, height, width, 10) + 0.5 * draw.smooth(2, height, width, 24)) * draw.log_uniform(
        0.005, 0.06, 1, 1, 1
    )
    x, y = base_x + warp[:, 0], base_y + warp[:, 1]  # (N, H, W): the shapes' outlines are bent together

    # The background: a tilted plane (affine in inverse depth), often with relief.
    plane = torch.stack([draw.log_uniform(0.08, 0.7), draw.normal() * 0.2, draw.uniform(-0.4, 1.5)], dim=1)  # (N, 3)
    plane[:, 1:] *= plane[:, :1]
    relief = draw.smooth(1, height, width, 4)[:, 0] + 0.5 * draw.smooth(1, height, width, 12)[:, 0]
    relief = relief * (plane[:, 0] * draw.uniform(0.0, 0.5) * draw.chance(0.7))[:, None, None]

    # The camera: six degrees of freedom and zoom. `speed` is about how far the image moves, in half widths.
    focal = draw.log_uniform(0.9, 3.0)
    fixed = draw.chance(0.12)
    speed = draw.log_uniform(0.002, 0.13) * (1 - fixed) + draw.log_uniform(1e-6, 0.0006) * fixed
    turning = draw.uniform(-0.5, 1.5).clamp(0, 1)  # 1: the camera only turns, 0: it only travels
    turn = (
        torch.nn.functional.normalize(draw.normal(3), dim=1)
        * torch.tensor([1.0, 1.0, 0.5])
        * (turning * speed / focal)[:, None]
    )
    travel = (
        torch.nn.functional.normalize(draw.normal(3), dim=1) * ((1 - turning) * speed / focal / plane[:, 0])[:, None]
    )
    focal_after = focal * (1 + draw.normal() * 0.3 * speed * draw.chance(0.3))

    outline = torch.zeros(n, SLOTS, height, width, dtype=torch.bool)
    outline[:, 0] = True
    planes = torch.zeros(n, SLOTS, 3)
    planes[:, 0] = plane
    own_a = torch.eye(3).repeat(n, SLOTS, 1, 1)  # each surface's own motion, before the camera's
    own_b = torch.zeros(n, SLOTS, 3)
    moving = torch.zeros(n, SLOTS, dtype=torch.bool)
    bend = torch.zeros(n, SLOTS)

    def place(spread: float) -> Tensor:
        middle = draw.normal(2) * torch.tensor([0.4, 0.4 * top])
        anywhere = draw.uniform(-1.05, 1.05, 2) * torch.tensor([1.0, top])
        return torch.where(draw.chance(spread)[:, None] > 0, anywhere, middle)

    def still(index: int, exists: Tensor) -> None:
        centre, size = place(0.9), draw.log_uniform(0.05, 0.7)
        here = (plane[:, 0] + (plane[:, 1:] * centre).sum(1)).clamp_min(0.03)
        planes[:, index, 0] = here * draw.log_uniform(0.5, 3.5)
        planes[:, index, 1:] = planes[:, index, :1] * draw.normal(2) * 0.3
        inside = star(x, y, centre, size, draw, draw.uniform(0, math.pi), draw.log_uniform(1, 6))
        outline[:, index] = inside & exists[:, None, None]

    stills = draw.count([0.3, 0.25, 0.25, 0.2])
    for index in range(1, STILL):
        still(index, stills >= index)

    number = draw.count([0.07, 0.55, 0.22, 0.1, 0.06]) if objects is None else torch.full((n,), objects)
    for o in range(OBJECTS):
        exists = number > o
        first = 1 + STILL + o * PARTS
        centre, size = place(0.4), draw.log_uniform(0.06, 0.55)
        here = (plane[:, 0] + (plane[:, 1:] * centre).sum(1)).clamp_min(0.03)
        depth = here * draw.log_uniform(0.9, 2.5)
        slant = depth[:, None] * draw.normal(2) * 0.2
        velocity = draw.log_uniform(0.0022, 0.11)  # of the image, against what stands still there
        way = draw.uniform(0, 2 * math.pi)
        step = torch.stack([velocity * way.cos(), velocity * way.sin(), 0 * way], dim=1)  # (N, 3)
        step[:, 2] = draw.normal() * velocity * 0.3
        spin = draw.normal(3) * torch.tensor([0.3, 0.3, 0.4]) * (velocity / size).clamp_max(0.3)[:, None]
        stretch = draw.normal(3, 3) * 0.12 * (velocity / size).clamp_max(0.3)[:, None, None]
        if o == 0:  # who films follows what moves: the camera turns so that the object hardly moves in the image
            follow = draw.uniform(0.5, 1.1) * draw.chance(0.45) / focal
            turn = turn + torch.stack([step[:, 1] * follow, -step[:, 0] * follow, 0 * follow], dim=1)
        for p in range(PARTS):
            index = first + p
            joint = centre
            part_centre, part_size, angle, aspect = centre, size, draw.uniform(0, math.pi), draw.log_uniform(1, 3.5)
            turn_own = spin
            present = exists
            if p > 0:  # a limb: long, begins at the body's edge, swings about its joint
                angle = draw.uniform(0, 2 * math.pi)
                direction = torch.stack([angle.cos(), angle.sin()], dim=1)
                part_size, aspect = size * draw.log_uniform(0.2, 0.55), draw.log_uniform(1.5, 6)
                joint = centre + direction * (0.7 * size)[:, None]
                part_centre = joint + direction * (part_size * aspect.sqrt() * 0.8)[:, None]
                swing = draw.normal() * 1.2 * (velocity / part_size).clamp_max(0.5)
                turn_own = spin + torch.stack([0 * swing, 0 * swing, swing], dim=1)
                present = exists & (draw.chance(0.6) > 0)
            pivot = torch.cat([joint / focal[:, None], torch.ones(n, 1)], dim=1) / depth[:, None]  # (N, 3)
            a = rotation(turn_own) + stretch
            own_a[:, index] = a
            shift = step / (focal * depth)[:, None]
            own_b[:, index] = pivot - (a @ pivot[:, :, None])[:, :, 0] + shift
            planes[:, index] = torch.cat([(depth - (slant * centre).sum(1))[:, None], slant], dim=1)
            moving[:, index] = True
            bend[:, index] = velocity / focal * draw.uniform(0, 0.35)
            inside = star(x, y, part_centre, part_size, draw, angle, aspect)
            outline[:, index] = inside & present[:, None, None]
        if o == 0:
            still(STILL, draw.chance(0.3) > 0)

    slot = torch.zeros(n, height, width, dtype=torch.long)
    for index in ORDER:
        slot.masked_fill_(outline[:, index], index)

    camera = rotation(turn)[:, None]  # (N, 1, 3, 3)
    waves = draw.smooth(2, height, width, 14)
    region = (draw.smooth(1, height, width, 3)[:, 0] > 0.3) & (draw.chance(0.3) > 0)[:, None, None]  # water, leaves
    stirred = region * (draw.log_uniform(0.0004, 0.008) / focal)[:, None, None]
    return Scene(
        slot=slot,
        outline=outline,
        planes=planes,
        relief=relief,
        a=camera @ own_a,
        b=(camera @ own_b[..., None])[..., 0] + travel[:, None],
        moving=moving,
        waves=waves,
        bend=bend,
        stirred=stirred,
        focal=focal,
        focal_after=focal_after,
    )
