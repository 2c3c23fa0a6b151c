"""Work on feature maps by parts gives what it gives in one go, and takes no more memory than it says."""

import pytest
import torch
import torch.nn.functional as F

from stereocodec.models.bisic_rt.blocks import GatedBlock, RowAttention
from stereocodec.models.bisic_rt.disparity import blended_shift
from stereocodec.models.bisic_rt.lapped import LappedBorders
from stereocodec.models.bisic_rt.neighbours import Deviations, NeighbourScales
from stereocodec.nn import tiles

SHAPE = 2, 32, 48, 8


def numbers(*shape, dtype=torch.float64):
    return torch.rand(shape, generator=torch.Generator().manual_seed(3), dtype=dtype)


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(tiles, "_POSITIONS", 80)
    monkeypatch.setattr(tiles, "_ROW_BYTES", 1)


def of_block(x):
    return GatedBlock(8, kernel_size=5, normalise=True).to(x.dtype)(x)


def of_attention(x):
    return RowAttention(8).to(x.dtype)(x)


def of_borders(x):
    return LappedBorders().unlap(LappedBorders().lap(x) ** 2)


def of_shift(x):
    return blended_shift(x, torch.arange(2 * 2 * 3).view(2, 2, 3))


def of_neighbours(x):
    deviations = Deviations(x)
    deviations.add(x, x.flip(1), x / 3, x[0] > 0.5)
    return NeighbourScales(8).to(x.dtype)(deviations)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("work", [of_block, of_attention, of_borders, of_shift, of_neighbours])
def test_parts_give_what_the_whole_gives(work, dtype, small_tiles):
    x = numbers(*SHAPE, dtype=dtype)
    with torch.no_grad():
        torch.manual_seed(1)
        by_parts = work(x)
    torch.manual_seed(1)
    whole = work(x)  # where gradients are asked for
    torch.testing.assert_close(by_parts, whole.detach())


def test_positions_are_given_by_parts_of_a_size(small_tiles):
    seen = []

    def work(part):
        seen.append(part.shape[1])
        return 2 * part

    torch.set_num_threads(1)
    with torch.no_grad():
        done = tiles.by_positions(work, numbers(2, 5, 16, 3))
    assert seen == [80, 80]
    torch.testing.assert_close(done, 2 * numbers(2, 5, 16, 3))


def test_an_odd_number_of_positions_is_not_parted(small_tiles):
    with torch.no_grad():
        assert tiles.by_positions(lambda part: part[:, :1, :1], numbers(1, 9, 11, 3)).shape == (1, 1, 1, 3)


def test_gradients_pass_through_parts(small_tiles):
    x = numbers(1, 16, 16, 2).requires_grad_()
    tiles.by_rows(lambda part: part**2, x).sum().backward()
    torch.testing.assert_close(x.grad, 2 * x.detach())


def test_rows_are_a_multiple(small_tiles):
    with torch.no_grad():
        parts = [(first, part.shape[1]) for first, part in tiles.row_tiles(numbers(*SHAPE), 16)]
    assert parts == [(0, 16), (16, 16)]


def test_no_rows_are_no_parts():
    with torch.no_grad():
        assert list(tiles.row_tiles(numbers(2, 0, 4, 3), 16)) == []


@pytest.mark.parametrize("first", [0, 1, 4, 6])
def test_rows_beside(first):
    x = numbers(1, 8, 3, 2)
    padded = F.pad(x, (0, 0, 0, 0, 2, 2))
    torch.testing.assert_close(tiles.rows_beside(x, first, 2, 2), padded[:, first : first + 6], rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64])
def test_memory_has_the_type_that_is_asked_for(dtype):
    memory = tiles.empty_like(torch.zeros(1, dtype=dtype), (2, 3))
    assert memory.dtype == dtype
    assert memory.shape == (2, 3)
