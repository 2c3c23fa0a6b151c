"""Looking into the coding path from outside: what a walk decodes, with which parameters, and under which disturbance.

Everything here goes through public hooks (the coder that a walk is given) or replaces one arithmetic function by
another that is equal in exact arithmetic; nothing of the product is reimplemented.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import math
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from threadpoolctl import ThreadpoolController

from stereocodec import band_reader, band_writer
from stereocodec.codec import StereoCodec
from stereocodec.entropy.streams import StreamReader, StreamWriter
from stereocodec.nn import blas, exact


@dataclass
class Trace:
    """What one walk decoded, in order: fields, z, y of every step (zero where another step codes); its parameters.

    `parameters` holds, per step, the means and the scale levels of the coded elements in lattice units, not rounded.
    """

    latents: list[np.ndarray] = field(default_factory=list)
    parameters: list[np.ndarray] = field(default_factory=list)
    checksum: int = 0

    def digest(self) -> str:
        """The sha256 of all decoded latents but zeros, as no coder need be given what nothing is coded of."""
        digest = hashlib.sha256()
        for array in self.latents:
            digest.update(array[array != 0].astype("<f8").tobytes())
        return digest.hexdigest()

    def deviation(self, other: Trace) -> float:
        """Largest difference of any parameter, in lattice units."""
        pairs = zip(self.parameters, other.parameters, strict=True)
        return max(float(np.abs(mine - theirs).max(initial=0)) for mine, theirs in pairs)


def lattice_parameters(lattice, group):
    means = lattice.mean_coordinates(group.mean[:, group.mask].double())
    return np.stack([means, lattice.scale_coordinates(group.log_scale[:, group.mask].double())])


def unchanged(lattice, mean, log_scale):
    return mean, log_scale


def noise(amplitude, seed=0):
    """Uniform noise of up to `amplitude` lattice units on every mean and every scale level, before rounding."""
    generator = torch.Generator().manual_seed(seed)

    def disturb(lattice, mean, log_scale):
        spacing = math.log(lattice.scale_max / lattice.scale_min) / (lattice.scale_levels - 1)
        on_mean, on_level = (
            amplitude * (2 * torch.rand(mean.shape, generator=generator, dtype=torch.float64) - 1) for _ in range(2)
        )
        return mean + on_mean / lattice.mean_steps, log_scale + on_level * spacing

    return disturb


def traced(base, trace, disturb=unchanged):
    """The stream writer or reader that also fills `trace`, its parameters disturbed."""

    class Traced(base):
        def code_prior(self, z, shape, *, views=2):
            latents = super().code_prior(z, shape, views=views)
            trace.latents.append(latents.cpu().numpy())
            return latents

        def code(self, y, group):
            trace.parameters.append(lattice_parameters(self._lattice, group))
            mean, log_scale = disturb(self._lattice, group.mean, group.log_scale)
            latents = super().code(y, dataclasses.replace(group, mean=mean, log_scale=log_scale))
            trace.latents.append(latents.cpu().numpy())
            trace.checksum = self.checksum
            return latents

        def code_field(self, view, field, size):
            decoded = super().code_field(view, field, size)
            trace.latents.append(decoded.cpu().numpy())
            trace.checksum = self.checksum
            return decoded

        def code_disparities(self, view, field, size):
            if not self._tables.adaptive_disparities:
                return super().code_disparities(view, field, size)  # which calls `code_field`
            decoded = super().code_disparities(view, field, size)
            trace.latents.append(decoded.cpu().numpy())
            trace.checksum = self.checksum
            return decoded

    return Traced


def traced_encode(codec, pair, **arguments):
    """The file's bytes and the writer's trace."""
    trace = Trace()
    with mock.patch.object(band_writer, "StreamWriter", traced(StreamWriter, trace)):
        data = codec.compress(*pair, **arguments)
    return data, trace


def traced_decode(codec, data, disturb=unchanged, **arguments):
    """The trace of a complete, successful decoding; of several bands one after the other with `threads=1`."""
    trace = Trace()
    with mock.patch.object(band_reader, "StreamReader", traced(StreamReader, trace, disturb)):
        codec.decompress(data, **arguments)
    return trace


@contextlib.contextmanager
def traced_bands(base, disturb=lambda band: unchanged):
    """The trace of every band, by its number, that is coded meanwhile by `StreamWriter` or `StreamReader`.

    disturb: gives what disturbs the parameters of a band, so that this does not depend on the order of the bands.
    """
    traces = {}

    def coder(*arguments, band):
        assert band not in traces
        return traced(base, traces.setdefault(band, Trace()), disturb(band))(*arguments, band=band)

    with mock.patch.object(band_writer if base is StreamWriter else band_reader, base.__name__, coder):
        yield traces


class ReplayCoder:
    """Gives a walk the latents that were decoded before, whatever its parameters are, and traces these."""

    def __init__(self, lattice, latents):
        self._lattice = lattice
        self._latents = iter(latents)
        self.trace = Trace()

    def _next(self, device):
        latents = next(self._latents)
        self.trace.latents.append(latents)
        return torch.from_numpy(latents).to(device)

    def code_prior(self, z, shape, *, views=2):
        return self._next("cpu")

    def context(self, y):
        return None

    def code(self, y, group):
        self.trace.parameters.append(lattice_parameters(self._lattice, group))
        return self._next(group.mask.device).to(group.mean.dtype)

    def code_field(self, view, field, size):
        return self._next("cpu")

    code_disparities = code_field


def replay(model, lattice, latents, quality, dtype=torch.float64):
    """The trace of a walk through what a codec's trace holds (the order of the views first); quality 0 to 100."""
    coder = ReplayCoder(lattice, latents[1:])
    height, width = next(array.shape[1:3] for array in latents if array.ndim == 4 and array.shape[0] == 1)
    with torch.inference_mode(), blas.float64_products(torch.get_num_threads()):
        qualities = torch.full((2,), quality / 100, dtype=dtype)
        model.walk(coder, None, qualities, (16 * height, 16 * width))
    return coder.trace


@contextlib.contextmanager
def permuted_sums(seed=0):
    """Every sum over channels, keys or kernel taps runs in another order."""
    linear, layer_norm, attention = F.linear, F.layer_norm, F.scaled_dot_product_attention
    generator = torch.Generator().manual_seed(seed)

    def order(size):
        return torch.randperm(size, generator=generator)

    def permuted_linear(x, weight, bias=None):
        p = order(x.shape[-1]).to(x.device)
        return linear(x[..., p], weight[:, p], bias)

    # A device context calls these once more with all their default arguments: none other may come.
    def permuted_layer_norm(x, shape, **defaults):
        assert all(defaults.get(name) is None for name in ("weight", "bias"))
        assert defaults.get("eps", 1e-5) == 1e-5
        p = order(x.shape[-1]).to(x.device)
        return layer_norm(x[..., p], shape)[..., p.argsort()]

    def permuted_attention(query, key, value):
        p, keys = order(query.shape[-1]).to(query.device), order(key.shape[-2]).to(query.device)
        return attention(query[..., p], key[..., keys, :][..., p], value[..., keys, :])

    def reversed_products(x, weight, bias):
        k, (height, width) = weight.shape[-1], x.shape[1:3]
        padded = F.pad(x, (0, 0, k // 2, k // 2, k // 2, k // 2))
        y = torch.zeros_like(x)
        for i in reversed(range(k)):
            for j in reversed(range(k)):
                y = y + padded[:, i : i + height, j : j + width] * weight[:, 0, i, j]
        return y + bias

    with (
        mock.patch.object(blas, "is_faster", return_value=False),
        mock.patch.object(F, "linear", permuted_linear),
        mock.patch.object(F, "layer_norm", permuted_layer_norm),
        mock.patch.object(F, "scaled_dot_product_attention", permuted_attention),
        mock.patch.object(exact, "depthwise_conv", reversed_products),
    ):
        yield


@contextlib.contextmanager
def numpy_products():
    """Products in float64 are numpy's, whatever the processor; gives what counts them."""
    libraries = ThreadpoolController().select(user_api="blas")
    with (
        mock.patch.object(blas, "_wide_libraries", return_value=libraries),
        mock.patch.object(blas, "waiting_threads_sleep", return_value=True),
        mock.patch.object(blas, "product", wraps=blas.product) as product,
    ):
        yield product


def save_decoding(release, file, output, threads=None):
    """For another process: decodes `file` and saves what it took part in, band by band, to `output` (.npz)."""
    with open(file, "rb") as stream, traced_bands(StreamReader) as traces:
        codec = StereoCodec.from_pretrained(release, device="cpu")
        views = codec.decompress(stream.read(), output="numpy", threads=threads and int(threads))
    bands = [traces[number] for number in sorted(traces)]
    np.savez(
        output,
        digests=[band.digest() for band in bands],
        checksums=[band.checksum for band in bands],
        capability=torch.backends.cpu.get_cpu_capability(),
        compressai="compressai" in sys.modules,
        parameters=np.concatenate([p.reshape(-1) for band in bands for p in band.parameters]),
        views=np.stack(views),
    )


# Beside ATEN_CPU_CAPABILITY, which PyTorch's own kernels obey: convolutions and matrix products have theirs.
OTHER_INSTRUCTIONS = {"ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_CBWR": "COMPATIBLE"}


def decoded_elsewhere(release, data, folder, capability=None, threads=None, **environment):
    """What `save_decoding` saves in a process of its own.

    capability: the vector instructions of PyTorch, and with it less of those of its libraries; None: all that there
    are. threads: as of `decompress`.
    """
    file, output = folder / "pair.bsc", folder / "trace.npz"
    file.write_bytes(data)
    script = "import sys, tracing; tracing.save_decoding(*sys.argv[1:])"
    environment |= {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    limits = {"ATEN_CPU_CAPABILITY": capability, **OTHER_INSTRUCTIONS}
    environment = {name: value for name, value in os.environ.items() if name not in limits} | environment
    if capability:
        environment |= limits
    command = [sys.executable, "-c", script, release, file, output, *([] if threads is None else [str(threads)])]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    return np.load(output)
