"""Tiny copies of data sets, in the layouts in which they are distributed: two bright squares that move over noise."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

SIZE = (64, 96)
RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def frame(t: int, seed: int = 0) -> np.ndarray:
    """Frame t, (H, W, 3) uint8."""
    background = np.random.default_rng(seed).integers(0, 120, (*SIZE, 3), np.uint8)
    return np.where(labels(t)[..., None] > 0, np.uint8(220), background)


def labels(t: int) -> np.ndarray:
    """The objects of frame t, (H, W) uint8: 1 moves right, 2 left."""
    shown = np.zeros(SIZE, np.uint8)
    shown[8:28, 4 + 4 * t : 28 + 4 * t] = 1
    shown[36:56, 60 - 4 * t : 84 - 4 * t] = 2
    return shown


def write(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def coloured(shown: np.ndarray, colours: list[tuple[int, int, int]]) -> np.ndarray:
    """Labels (H, W) in RGB colours, as OpenCV writes them: (H, W, 3) BGR."""
    return np.array(colours, np.uint8)[shown][..., ::-1]


def definition(scales: list[int], annotated: list[tuple[int, str]], length: int) -> str:
    """A Def.dat of FBMS-59."""
    regions = "".join(f"Scale of region {k}:\n{scale}\n" for k, scale in enumerate(scales))
    penalties = "".join(" ".join("0" if i == k else "1" for i in range(len(scales))) + "\n" for k in range(len(scales)))
    files = "".join(f"Frame number:\n{t}\nFile name:\n{name}\nInput file name:\n{name}\n" for t, name in annotated)
    return (
        "Ground truth definition file; do not change!\n\n"
        f"Total number of regions:\n{len(scales)}\n{regions}\nConfusion penality matrix:\n{penalties}\n"
        f"Total number of frames in this shot:\n{length}\n"
        f"Total number of labeled frames for this shot:\n{len(annotated)}\n{files}"
    )


def fbms59(root: Path, length: int = 6) -> Path:
    """Trainingset/cats02 and Testset/marple7, in colour, with what else lies there; Testset/tennis, in grey."""
    for part, name in (("Trainingset", "cats02"), ("Testset", "marple7")):
        folder, annotated = root / part / name, [(0, f"{name}_0001_gt.ppm"), (4, f"{name}_0005_gt.ppm")]
        for t in range(length):
            write(folder / f"{name}_{t + 1:04d}.jpg", frame(t))
        for t, file in annotated:
            image = coloured(labels(t), [WHITE, RED, BLUE])
            image[0, :5] = (0, 255, 0)  # a colour that the list does not know: background
            write(folder / "GroundTruth" / file, image)
            write(folder / "GroundTruth" / file.replace("_gt.ppm", "_gt.pgm"), np.full(SIZE, 90, np.uint8))
            write(folder / "GroundTruth" / file.replace("_gt", "_PROB_gt"), image)
        told = definition([0xFFFFFF, 0xFF0000, 0x0000FF], annotated, length)
        (folder / "GroundTruth" / f"{name}Def.dat").write_text(told.replace("\n", "\r\n"))
    folder, annotated = root / "Testset/tennis", [(1, "tennis002.pgm"), (5, "tennis006.pgm")]
    for t in range(length):
        write(folder / f"tennis{t + 1:03d}.jpg", frame(t))
    for t, file in annotated:
        write(folder / "GroundTruth" / file, np.array([0, 255, 128], np.uint8)[labels(t)])
    (folder / "GroundTruth/tennisDef.dat").write_text(definition([0, 255, 128], annotated, length))
    return root


def segtrack_v2(root: Path, length: int = 5) -> Path:
    """bmx, with a folder for each object; worm, with one object; frames and masks in other formats; lists."""
    for name, frames, masks in (("bmx", "bmp", ("bmp", "png")), ("worm", "png", ("png",))):
        stems = [f"{name}_{t + 6668:05d}" for t in range(length)]
        for t, stem in enumerate(stems):
            write(root / f"JPEGImages/{name}/{stem}.{frames}", frame(t))
            for k, suffix in enumerate(masks, 1):
                mask = np.repeat((labels(t) == k)[..., None] * np.uint8(255), 3, axis=2)  # grey in three channels
                mask[0, 0] = 40  # a smoothed edge
                within = f"{k}/" if len(masks) > 1 else ""
                write(root / f"GroundTruth/{name}/{within}{stem}.{suffix}", mask)
        (root / "ImageSets").mkdir(exist_ok=True)
        (root / f"ImageSets/{name}.txt").write_text("\n".join([f"{name}/", *stems]) + "\n")
    (root / "ImageSets/all.txt").write_text("*bmx\n*worm\n")
    return root


def youtube_objects(root: Path, masks: Path, length: int = 25) -> Path:
    """Two annotated shots, of an aeroplane and a cat, and one without masks; frames and masks in folders apart."""
    for shot, annotated in (
        ("aeroplane/data/0001/shots/001", (3, 13, 23)),
        ("cat/data/0012/shots/002", (1, 11)),
        ("cat/data/0013/shots/001", ()),
    ):
        for t in range(length):
            write(root / shot / f"frame{t + 1:04d}.jpg", frame(t % 10))
        for n in annotated:
            mask = cv2.resize((labels((n - 1) % 10) > 0) * np.uint8(255), None, fx=0.5, fy=0.5)  # half the frames' size
            write(masks / shot / f"labels/{n:05d}.jpg", mask)
            write(masks / shot / f"images/{n:05d}.jpg", frame((n - 1) % 10))
    return root


def davis_palette() -> np.ndarray:
    """The first colours of DAVIS's palette, and of index 255; the rest grey: (256, 3) uint8 RGB."""
    colours = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    colours[:3], colours[255] = [(0, 0, 0), (128, 0, 0), (0, 128, 0)], (224, 224, 192)
    return colours


def davis2017(root: Path, length: int = 5) -> Path:
    """`bike` in train, `dogs` in val; annotations with a palette, in each some void pixels, index 255."""
    from tests.test_png import write as write_png

    for name, part in (("bike", "train"), ("dogs", "val")):
        for t in range(length):
            write(root / f"JPEGImages/480p/{name}/{t:05d}.jpg", frame(t))
            shown = labels(t)
            shown[60:, :10] = 255
            path = root / f"Annotations/480p/{name}/{t:05d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_png(path, shown, colour=3, palette=davis_palette().tobytes())
        (root / "ImageSets/2017").mkdir(parents=True, exist_ok=True)
        (root / f"ImageSets/2017/{part}.txt").write_text(f"{name}\n")
    return root


def own(root: Path, masks: Path, annotated: tuple[int, ...] = (1, 3), suffix: str = "png", length: int = 5) -> Path:
    """`garden` and `street`, folders of images, and masks of some of garden's frames."""
    for name in ("garden", "street"):
        for t in range(length):
            write(root / name / f"{t:05d}.jpg", frame(t))
    for t in annotated:
        write(masks / f"garden/{t:05d}.{suffix}", (labels(t) > 0) * np.uint8(255))
    return root
