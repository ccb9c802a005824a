"""The README's picture: frames of the rendered demo, with the masks that a model made of them.

python docs/demo.py resources/demo results/demo docs/demo.png [--model lvo] [--method raw]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from vosmem import video

COLUMNS, WIDTH, GAP = 3, 216, 4  # pictures beside each other, pixels of each, pixels between
COLOUR = (230, 60, 160)  # of the masks, BGR: none that the scenes have


def picture(data: Path, results: Path, model: str, method: str) -> np.ndarray:
    """A row for each scored sequence, early to late, (H, W, 3) uint8 BGR."""
    rows = []
    for masks in sorted(p for p in (results / "refine" / model / method).iterdir() if p.is_dir()):
        frames = sorted((data / "JPEGImages/480p" / masks.name).iterdir())
        shown = [frames[round(t)] for t in np.linspace(2, len(frames) - 3, COLUMNS)]
        tiles = [video.overlay(video.read_frame(f), video.read_mask(masks / f"{f.stem}.png"), COLOUR) for f in shown]
        size = (WIDTH, round(WIDTH * tiles[0].shape[0] / tiles[0].shape[1]))
        small = [cv2.resize(tile, size, interpolation=cv2.INTER_AREA) for tile in tiles]
        framed = [cv2.copyMakeBorder(t, 0, GAP, 0, GAP, cv2.BORDER_CONSTANT, value=(255, 255, 255)) for t in small]
        rows.append(np.hstack(framed))
    return np.vstack(rows)[:-GAP, :-GAP]


def quantised(image: np.ndarray, colours: int = 32) -> np.ndarray:
    """An image of few colours, (H, W, 3) uint8 BGR: such a PNG takes a third of the room."""
    cv2.setRNGSeed(0)
    sample = image.reshape(-1, 3)[:: max(1, image.size // 3 // 20_000)].astype(np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 1.0)
    _, _, centres = cv2.kmeans(sample, colours, None, criteria, 1, cv2.KMEANS_PP_CENTERS)
    flat = cv2.bilateralFilter(image, 5, 12, 3).reshape(-1, 3).astype(np.float32)
    nearest = np.concatenate([((part[:, None] - centres) ** 2).sum(2).argmin(1) for part in np.array_split(flat, 64)])
    return centres.round().astype(np.uint8)[nearest].reshape(image.shape)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="lvo")
    parser.add_argument("--method", default="raw")
    args = parser.parse_args()
    video.write_frame(args.out, quantised(picture(args.data, args.results, args.model, args.method)))
