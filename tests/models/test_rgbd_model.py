"""`rgbd` on the coding path and in training."""

from __future__ import annotations

import copy

import pytest
import torch
from rgbd_frames import SMALL, random_model
from tracing import Trace, noise, traced

from stereocodec.entropy.coders import RateEstimator
from stereocodec.entropy.lattice import Lattice
from stereocodec.entropy.streams import StreamReader, StreamWriter
from stereocodec.releases.release import coding_tables

pytestmark = pytest.mark.usefixtures("one_thread")
SIZE = 128, 192
QUALITY = torch.zeros(2)


@pytest.fixture(scope="module")
def small():
    return random_model()


def random_frames(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand((count, 4, 8, 12), generator=generator)
    return torch.nn.functional.interpolate(coarse, SIZE, mode="bicubic").clamp(0, 1).permute(0, 2, 3, 1)


@pytest.fixture(scope="module")
def coded(small):
    """The exact model, its lattice and tables, and the streams, guard list and trace of a frame."""
    exact, lattice = copy.deepcopy(small), Lattice()
    exact.make_exact()
    tables, trace = coding_tables(exact, lattice), Trace()
    writer = traced(StreamWriter, trace)(lattice, tables)
    with torch.inference_mode():
        exact.walk(writer, exact.analyse(random_frames(1), QUALITY), QUALITY, SIZE)
    return exact, lattice, tables, writer.finish(), writer.checksum, trace


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("amplitude", [0.0, 2.0**-25])
def test_a_reader_decodes_what_was_written(coded, torch_threads, threads, amplitude):
    model, lattice, tables, (streams, guard), checksum, trace = coded
    assert any(array.any() for array in trace.latents[1:])
    torch_threads(threads)
    read = Trace()
    reader = traced(StreamReader, read, noise(amplitude))(lattice, tables, streams, guard, torch.device("cpu"))
    with torch.inference_mode():
        model.walk(reader, None, QUALITY, SIZE)
    reader.close(checksum)
    assert read.digest() == trace.digest()


def test_streams_are_as_long_as_estimated(coded):
    model, _, _, (streams, guard), _, trace = coded

    class Replay(RateEstimator):
        def __init__(self, latents):
            super().__init__(model.prior, model.laplace_share, noise=False)
            self.latents = iter(latents)

        def code_prior(self, z, shape, *, views=2):
            return super().code_prior(torch.from_numpy(next(self.latents)), shape, views=views)

        def code(self, y, group):
            coded = torch.from_numpy(next(self.latents))
            super().code(coded, group)
            return coded

    coder = Replay(trace.latents)
    with torch.inference_mode():
        model.walk(coder, None, QUALITY, SIZE)
    taken = sum(map(len, streams.in_file_order())) + len(guard)
    estimated = float(coder.bits.sum()) / 8
    assert taken <= 1.005 * estimated + 128
    assert taken >= 0.99 * estimated


def test_several_frames_at_once_are_coded_as_each_alone(small):
    frames = random_frames(2, seed=1)

    def bits(x):
        coder, quality = RateEstimator(small.prior, 0.0, noise=False), torch.zeros(2 * x.shape[0])
        decoded = small.walk(coder, small.analyse(x, quality), quality, SIZE)
        return coder.bits, small.reconstruct(decoded)

    with torch.inference_mode():
        together, pictures = bits(frames)
        alone = [bits(x[None]) for x in frames]
    torch.testing.assert_close(together, torch.stack([b for b, _ in alone], 1).flatten(), rtol=1e-4, atol=1e-2)
    torch.testing.assert_close(pictures, torch.cat([p for _, p in alone]), rtol=0, atol=1e-4)


def test_every_weight_is_trained():
    reached = set()
    for seed in range(5):  # of so few channels, some of a network's ReLUs give nothing for a whole frame
        model, x = random_model(seed), random_frames(1, seed=2)
        coder = RateEstimator(model.prior, 0.0, noise=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            decoded = model.walk(coder, model.analyse(x, QUALITY), QUALITY, SIZE)
        loss = coder.bits.sum() + ((model.reconstruct(decoded) - x) ** 2).sum() + model.auxiliary_loss()
        loss.backward()
        reached |= {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert reached == {name for name, _ in model.named_parameters()}


def test_colour_and_depth_have_a_trade_off_each(small):
    assert small.trade_off(torch.zeros(4)).tolist() == pytest.approx(
        [SMALL.color_lambda] * 2 + [SMALL.depth_lambda] * 2
    )
