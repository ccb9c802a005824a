"""A tiny FlyingThings3D in the data set's layout, rendered by ray: a back wall, and cards that stand or move before it.

All in OpenCV's axes (x right, y down, z forward), which the data set's files do not use.
"""

from dataclasses import dataclass

import numpy as np

SIZE = (64, 96)
BLENDER = np.diag([1.0, -1.0, -1.0, 1.0])  # turns the axes of a camera around


@dataclass
class Card:
    """A rectangle at depth ``z`` of the first camera's axes, and where it goes in a frame's time."""

    box: tuple[float, float, float, float]  # left, right, top, bottom
    z: float
    goes: tuple[float, float, float] = (0.0, 0.0, 0.0)


WALL = Card((-99, 99, -99, 99), 20)


def write_pfm(path, values, little=True, scale=1.0):
    """``values`` (H, W) or (H, W, 3) as PFM."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.asarray(values, np.float32)
    kind = "PF" if values.ndim == 3 else "Pf"
    head = f"{kind}\n{values.shape[1]} {values.shape[0]}\n{-scale if little else scale}\n"
    path.write_bytes(head.encode() + values[::-1].astype("<f4" if little else ">f4").tobytes())


def pose(turn, place):
    """A camera-to-world matrix: turned about its axes by small angles, at a place."""
    x, y, z = turn
    about = (
        [[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]],
        [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]],
        [[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]],
    )
    whole = np.eye(4)
    whole[:3, :3] = np.linalg.multi_dot([np.array(a, float) for a in about])
    whole[:3, 3] = place
    return whole


def render(cards, camera, after, t, size=SIZE):
    """What ``camera`` sees at time ``t``: object number, disparity, flow and change of disparity to ``after``."""
    height, width = size
    focal = 1050 / 960 * width
    k = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    rows, columns = np.mgrid[:height, :width]
    rays = np.linalg.inv(k) @ np.stack([columns.ravel(), rows.ravel(), np.ones(rows.size)])  # (3, P)
    rays, origin = camera[:3, :3] @ rays, camera[:3, 3]
    best, number = np.full(rows.size, np.inf), np.zeros(rows.size)
    points, then = np.zeros((3, rows.size)), np.zeros((3, rows.size))
    for i, card in enumerate(cards, 1):
        moved = np.array(card.goes) * t
        distance = (card.z + moved[2] - origin[2]) / rays[2]  # in depths of the camera
        at = origin[:, None] + rays * distance
        x, y = at[0] - moved[0], at[1] - moved[1]
        left, right, top, bottom = card.box
        hit = (x >= left) & (x < right) & (y >= top) & (y < bottom) & (distance > 0) & (distance < best)
        best, number = np.where(hit, distance, best), np.where(hit, i, number)
        points = np.where(hit, at, points)
        then = np.where(hit, at + np.array(card.goes)[:, None], then)
    seen = k @ (np.linalg.inv(after) @ np.vstack([then, np.ones(rows.size)]))[:3]
    u, v = seen[0] / seen[2] - columns.ravel(), seen[1] / seen[2] - rows.ravel()
    disparity = focal / best
    found = (number, disparity, u, v, focal / seen[2] - disparity)
    return [m.reshape(size) for m in found]


def write(root, sequences, size=SIZE, frames=3, change=True):
    """Sequences of cards under ``root``: name -> (cards, turn a frame, way a frame). Numbers begin with 6, as there."""
    for name, (cards, turn, way) in sequences.items():
        poses = [pose(np.array(turn) * t, np.array(way) * t) for t in range(frames + 1)]
        told = []
        for t in range(frames):
            number, disparity, u, v, closer = render(cards, poses[t], poses[t + 1], t, size)
            file, flow = f"{6 + t:04d}", np.stack([u, v, np.zeros_like(u)], 2)
            future = "into_future/left"
            write_pfm(root / f"optical_flow/TRAIN/{name}/{future}/OpticalFlowIntoFuture_{file}_L.pfm", flow)
            write_pfm(root / f"disparity/TRAIN/{name}/left/{file}.pfm", disparity, little=t % 2 == 0)
            write_pfm(root / f"object_index/TRAIN/{name}/left/{file}.pfm", number)
            if change:
                write_pfm(root / f"disparity_change/TRAIN/{name}/{future}/{file}.pfm", closer)
            matrix = " ".join(map(str, (poses[t] @ BLENDER).ravel()))
            told.append(f"Frame {6 + t}\nL {matrix}\nR {matrix}\n\n")
        path = root / f"camera_data/TRAIN/{name}/camera_data.txt"
        path.parent.mkdir(parents=True)
        path.write_text("".join(told))
    return root
