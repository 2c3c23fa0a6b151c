"""Kinds of examples: what pairs and frames have in common, and which of them a model learns from."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from runs import REPOSITORY, tiny

from stereocodec.container import ViewKind
from stereocodec.errors import TrainingError
from stereocodec.models import ARCHITECTURES
from stereocodec.training.config import TrainingConfig
from stereocodec.training.examples import central, central_part
from stereocodec.training.frames.kind import FrameKind
from stereocodec.training.kinds import check_examples, kind_of, kind_of_architecture
from stereocodec.training.pairs.kind import PairKind
from stereocodec.training.points import means
from stereocodec.training.random_crops import AreaWeighted, large_enough, random_place

KINDS = [PairKind(), FrameKind()]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=["pairs", "frames"])


def settings(kind):
    return tiny(arch="rgbd", model={}, crop_height=128, crop_width=192) if kind is KINDS[1] else tiny()


def test_every_kind_of_views_and_every_architecture_has_a_kind_of_examples():
    for view_kind, expected in {ViewKind.RGB8: PairKind, ViewKind.RGB8_DEPTH: FrameKind}.items():
        networks = type("Networks", (), {"view_kind": view_kind})
        assert type(kind_of(networks)) is expected
    assert {arch for arch in ARCHITECTURES if isinstance(kind_of_architecture(arch), FrameKind)} == {"rgbd"}
    # The run itself says that it is unknown.
    assert isinstance(kind_of_architecture("none"), PairKind)


def test_examples_of_another_kind_are_named():
    for kind, other in (KINDS, KINDS[::-1]):
        check_examples(kind, "a", [kind.stand_in()])
        with pytest.raises(TrainingError, match=f"'a' cannot learn from {other.called}; load {kind.called}"):
            check_examples(kind, "a", [kind.stand_in(), other.stand_in()])


@each_kind
def test_batches_of_examples_of_crops_and_blank_ones_look_alike(kind):
    config, device = settings(kind), torch.device("cpu")
    example = kind.stand_in()
    crop = example.crop(10, 20, config.crop_height, config.crop_width)
    assert crop.size == (config.crop_height, config.crop_width)
    assert crop.name == example.name
    drawn = kind.sampler(config, [example], [], device, 0, 0).batch(1)
    batch, blank = kind.batch(crop), kind.blank(config, device)
    assert batch.shape == drawn.shape == blank.shape
    assert batch.dtype == drawn.dtype == blank.dtype == torch.float32
    assert 0 <= batch.min() < batch.max() <= 1
    assert torch.equal(kind.input(crop), batch[..., : kind.channels])
    # Of colour alone: what fills holes of depth comes from the crop.
    whole = kind.batch(example)[:, 10 : 10 + config.crop_height, 20 : 20 + config.crop_width]
    assert torch.equal(batch[..., :3], whole[..., :3])


@each_kind
def test_an_example_that_is_decoded_without_loss_has_no_error(kind):
    example = kind.stand_in()
    x = kind.batch(example)
    decoded = kind.input(example)
    bpp = torch.tensor([0.25, 0.5])
    row = kind.validated(example, bpp, decoded, x)
    assert row["psnr"] == pytest.approx(78, abs=0.2)  # where it is cut off
    assert row["ms_ssim"] == pytest.approx(1, abs=1e-5)
    measured = kind.measured(bpp, decoded, x, with_ms_ssim=True)
    assert measured.keys() == row.keys() - {"depth_rmse_mm"}
    for name, value in measured.items():
        assert value.item() == pytest.approx(row[name], abs=1e-5), name
    assert kind.rate_distortion(torch.nn.Identity(), TrainingConfig()).distortion(decoded, x).max() < 1e-3
    assert re.match(r"0\.\d+ bpp 7\d\.\d\d dB", kind.summary(row))


@each_kind
def test_cards_show_what_is_measured(kind):
    names = re.findall(r"{(\w+)", kind.card.row)
    row = kind.card.row.format(**dict.fromkeys(names, 1.0))
    table = kind.card.table.format(scenes="a", rows=row)
    header = next(line for line in table.splitlines() if line.startswith("| quality"))
    assert header.count("|") == row.count("|")
    assert set(kind.card.largest) <= set(names)


def test_central_parts_are_multiples_of_64_in_the_middle():
    assert central_part((200, 700), 512) == (4, 94, 192, 512)
    assert central_part((128, 64), 512) == (0, 0, 128, 64)
    for kind in KINDS:
        assert central(kind.stand_in(), 130).size == (128, 128)


class Picture:
    """What crops are drawn of, as far as drawing them needs it."""

    def __init__(self, height, width):
        self.size = height, width


def test_pictures_are_drawn_by_the_root_of_their_area_and_crops_from_everywhere():
    small, large = pictures = [Picture(10, 10), Picture(20, 45)]
    drawing, generator = AreaWeighted(pictures), np.random.Generator(np.random.PCG64(0))
    drawn = [drawing.draw(generator) for _ in range(400)]
    assert drawn.count(large) / len(drawn) == pytest.approx(3 / 4, abs=0.06)
    places = {random_place(generator, small.size, (9, 8)) for _ in range(200)}
    assert places == {(top, left) for top in range(2) for left in range(3)}
    assert large_enough(pictures, (10, 11), "picture") == [large]
    with pytest.raises(TrainingError, match="crop of 46x20: give larger ones, of at least 64x64"):
        large_enough(pictures, (20, 46), "picture")


def test_means_take_the_largest_of_some_figures():
    points = [{"a": 1.0, "b": 5.0}, {"a": 2.0, "b": 3.0}]
    assert means(points) == {"a": 1.5, "b": 4.0}
    assert means(points, ("b",)) == {"a": 1.5, "b": 5.0}


def imports(path):
    """The modules of this package that a module imports, as dotted names."""
    package = path.relative_to(REPOSITORY).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])


def imported_by(folder, pattern="*.py"):
    paths = sorted((REPOSITORY / "stereocodec" / folder).glob(pattern))
    assert paths
    return {path: set(imports(path)) for path in paths}


def test_modules_import_those_below_them():
    of_kinds = ("stereocodec.training.pairs", "stereocodec.training.frames")
    knowing = {
        path.name: found
        for path, found in imported_by("training").items()
        if any(name.startswith(of_kinds) for name in found)
    }
    assert knowing.keys() == {"kinds.py"}
    for own, other in (of_kinds, of_kinds[::-1]):
        for path, found in imported_by(Path(*own.split(".")[1:])).items():
            above = (other, "stereocodec.training.kinds", "stereocodec.training.loop", "stereocodec.training.export")
            assert not any(name.startswith(above) for name in found), path
    for path, found in imported_by("datasets").items():
        assert not any(name.startswith(("stereocodec.training", "stereocodec.evaluation")) for name in found), path
