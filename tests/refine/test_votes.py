import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vosmem.grid import Grid
from vosmem.refine import votes

SIZE = (60, 72)  # of the working frame
COARSE, N = Grid.of_image((10, 12), SIZE), 120


@pytest.fixture(autouse=True)
def fewer_cells(monkeypatch):
    monkeypatch.setattr(votes, "CELLS", N)
    assert votes.cells(SIZE) == COARSE


def some(length, seed=0, channels=(4, 3)):
    """Probabilities of a video on the cells themselves, and two ways to look at them."""
    rng = np.random.default_rng(seed)
    maps = rng.uniform(0.02, 0.98, (length, *COARSE.shape)).astype(np.float32)
    looks = [rng.normal(5, 3, (length, c, *COARSE.shape)).astype(np.float32) for c in channels]
    return maps, looks


def vote(maps, looks, weight=0.6, grid=COARSE, size=SIZE):
    found = list(votes.voted(maps.__getitem__, grid, len(maps), size, [of.__getitem__ for of in looks], weight))
    assert [t for t, _ in found] == [*range(len(maps))]
    return np.stack([m for _, m in found])


def logit(p):
    return np.log(p / (1 - p))


def plainly(maps, looks, weight, t, apart):
    """One frame, cell by cell, in float64."""
    length = len(maps)
    chosen = [s for s in range(length) if s != t and abs(s - t) <= 32 and (s - t) % apart == 0]
    frames = [t, *chosen]
    seen = []
    for look in looks:
        of = np.stack([look[s].reshape(len(look[s]), -1).T for s in frames]).astype(np.float64)  # (k, n, C)
        of = np.clip((of - of.mean((0, 1))) / of.std((0, 1)), -3, 3)
        seen.append(of / np.linalg.norm(of, axis=-1, keepdims=True))
    y, x = np.meshgrid(COARSE.y.centres(), COARSE.x.centres(), indexing="ij")
    at = np.stack([y.ravel(), x.ravel()], -1) / SIZE[0]
    out = np.empty(N)
    for i in range(N):
        total = summed = 0.0
        for k, s in enumerate(chosen, 1):
            cosines = sum(of[k] @ of[0, i] for of in seen)
            weights = np.exp(cosines / 0.05 - ((at - at[i]) ** 2).sum(-1) / (2 * 0.236**2))
            total, summed = total + weights.sum(), summed + weights @ maps[s].ravel().astype(np.float64)
        own = logit(maps[t].ravel()[i].astype(np.float64))
        out[i] = own + weight * (logit(np.clip(summed / total, 0.01, 0.99)) - own)
    return 1 / (1 + np.exp(-out)).reshape(COARSE.shape)


@pytest.mark.parametrize(("length", "t", "apart"), [(5, 1, 1), (17, 9, 2), (70, 36, 4)])
def test_as_cell_by_cell(length, t, apart):
    maps, looks = some(length)
    np.testing.assert_allclose(vote(maps, looks)[t], plainly(maps, looks, 0.6, t, apart), atol=2e-4)


def test_a_frame_alone_stays():
    maps, looks = some(1)
    np.testing.assert_array_equal(vote(maps, looks), maps)


def test_no_weight_changes_nothing():
    maps, looks = some(6)
    np.testing.assert_allclose(vote(maps, looks, 0), maps, atol=1e-6)


def test_what_was_missed_once_is_found_where_it_looks_the_same(monkeypatch):
    """A disk of its own colour, which the memory found in all frames but one."""
    monkeypatch.setattr(votes, "CELLS", 4 * N)
    coarse = votes.cells(SIZE)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    frames, maps = [], np.full((12, *coarse.shape), 0.05, np.float32)
    for t in range(12):
        disk = (x - 30 - 2 * t) ** 2 + (y - 30) ** 2 < 144
        frame = np.where(disk[..., None], np.uint8([20, 60, 200]), np.uint8([90, 160, 90]))
        frames.append(votes.colours(frame, SIZE))
        found = votes.on_cells(disk.astype(np.float32), Grid.of_image(SIZE, SIZE), SIZE)
        if t != 5:
            maps[t][found > 0.5] = 0.95
    disk = (x - 40) ** 2 + (y - 30) ** 2 < 81
    inside = votes.on_cells(disk.astype(np.float32), Grid.of_image(SIZE, SIZE), SIZE) > 0.99
    got = vote(maps, [np.stack(frames)], 1.0, coarse)
    assert inside.sum() >= 9
    assert got[5][inside].min() > 0.8 > 0.1 > got[5][:, :3].max()


def test_frames_further_away_have_no_vote():
    maps, looks = some(50)
    before = vote(maps, looks)
    maps[40:] = 0.5
    for look in looks:
        look[40:] = 0
    after = vote(maps, looks)
    np.testing.assert_array_equal(before[: 40 - votes.NEAR], after[: 40 - votes.NEAR])
    assert not np.array_equal(before[30], after[30])


def test_each_frame_is_looked_at_once():
    maps, looks = some(80)
    asked = []

    def look(t):
        asked.append(t)
        return looks[0][t]

    list(votes.voted(maps.__getitem__, COARSE, 80, SIZE, [look], 0.6))
    assert sorted(asked) == [*range(80)]


@given(st.integers(0, 10**6), st.floats(0.01, 1), st.sampled_from([-1000.0, 3.0]))
@settings(max_examples=10, deadline=None)
def test_units_of_a_look_do_not_matter(seed, scale, offset):
    maps, looks = some(4, seed)
    looks = [look.astype(np.float64) for look in looks]
    scaled = [look * scale + offset for look in looks]
    np.testing.assert_allclose(vote(maps, scaled), vote(maps, looks), atol=1e-5)


def test_a_channel_that_says_nothing_changes_nothing():
    maps, looks = some(6)
    flat = np.full((6, 2, *COARSE.shape), 0.1, np.float32)
    more = [np.concatenate([looks[0], flat], 1), looks[1]]
    np.testing.assert_allclose(vote(maps, more), vote(maps, looks), atol=1e-5)
    assert np.isfinite(vote(maps, [flat])).all()


def test_maps_on_the_memorys_grid():
    """Between 0 and 1, of the shape that was given."""
    grid = Grid.of((8, 12), (8, 8), (0, 0))
    _, looks = some(6)
    maps = np.random.default_rng(1).uniform(0, 1, (6, 8, 12)).astype(np.float32)
    got = vote(maps, looks, grid=grid)
    assert got.shape == maps.shape
    assert got.dtype == np.float32
    assert 0 < got.min() < got.max() < 1


@pytest.mark.parametrize("size", [(480, 854), (854, 480), (64, 64), (64, 1920), (97, 131)])
def test_cells_are_about_square_and_as_many_whatever_the_frame(size, monkeypatch):
    """So that a panorama takes no more time than other frames."""
    monkeypatch.undo()
    coarse = votes.cells(size)
    assert (size != (480, 854)) or coarse.shape == (20, 36)
    assert 0.9 * 720 < np.prod(coarse.shape) < 1.1 * 720
    assert 0.9 < coarse.y.stride / coarse.x.stride < 1.1
    assert votes.colours(np.zeros((*size, 3), np.uint8), size).shape[1:] == coarse.shape


def test_colours_against_plain_means():
    from vosmem import video

    frame = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    got = votes.colours(frame, SIZE)
    lab = video.to_lab(frame).astype(np.float64).reshape(10, 6, 12, 6, 3).swapaxes(1, 2).reshape(10, 12, 36, 3)
    own = np.concatenate([lab.mean(2), lab.std(2)], -1)  # (10, 12, 6)
    np.testing.assert_allclose(got[:6], own.transpose(2, 0, 1), atol=0.05)
    around = own[:2, 4:7].mean((0, 1))  # at row 0 and column 5 the square has two rows
    np.testing.assert_allclose(got[6:12, 0, 5], around, atol=0.05)
    np.testing.assert_allclose(got[12:, 6, 10], own[3:, 7:].mean((0, 1)), atol=0.05)
