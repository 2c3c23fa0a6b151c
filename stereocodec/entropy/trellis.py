"""The states of dependent quantisation, and the search for the cheapest way through them.

Two quantisers take turns. One has the whole steps; the other has 0 and the half steps: its symbol k stands for
k - 1/2, and -k for -(k - 1/2). Which one an element has follows from the parities of the symbols before it, by a
machine of 16 states. So the values that can be reached lie as densely as those of half the step, while a symbol costs
about as much as one of whole steps, if the symbols of a chain are chosen together (Viterbi 1967).

Sources: H. Schwarz, T. Nguyen, D. Marpe and T. Wiegand, "Hybrid Video Coding with Trellis-Coded Quantization", DCC
2019, for the quantisers; G. Ungerboeck, "Channel Coding with Multilevel/Phase Signals", IEEE Transactions on
Information Theory 28(1), 1982, for the machine, his code of 16 states for amplitudes (h0 = 23, h1 = 04).
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

STATES = 16

NEXT = np.array([[(s >> 1) ^ 9 * (s & 1) ^ 2 * parity for parity in (0, 1)] for s in range(STATES)], dtype=np.int8)
"""The state after a symbol of even or odd size, for each state; chains start in state 0."""

HALVES = np.array([s & 1 for s in range(STATES)], dtype=np.uint8)
"""Whether a state has the half steps."""

CANDIDATES = 4
"""Symbols that an element may have: the best ones of whole steps, even and odd, and of half steps, even and odd."""

MOST_ROUNDS = 64
"""The elements of a group make chains of at most this many; those of a round belong to different chains."""

Cost = Callable[[Tensor, float], Tensor]
"""What symbols cost, (A,) each, that stand for so much less than their size: 0 or 0.5."""


def chain_count(elements: int) -> int:
    """How many chains so many elements make."""
    return -(-elements // MOST_ROUNDS)


def cheapest_symbols(residual: Tensor, cost: Cost) -> tuple[Tensor, Tensor]:
    """The symbols that cost least in all, whole numbers, and whether each stands for half steps, bool, (A,) both.

    residual: in steps, (A,) floating point, on any device, in the order of coding.
    """
    size, sign = residual.abs(), torch.ones_like(residual).copysign(residual)
    symbols, costs = (residual.new_empty(CANDIDATES, len(residual)) for _ in range(2))
    for first, half in ((0, 0.0), (2, 0.5)):
        below = (size + half).floor()
        even = sign * (below + below % 2)
        # Nothing costs so few bits that it may be best though another even symbol is nearer.
        nothing, near = cost(torch.zeros_like(size), half), cost(even, half)
        symbols[first], costs[first] = torch.where(nothing < near, 0, even), torch.minimum(nothing, near)
        symbols[first + 1] = sign * (below + 1 - below % 2)
        costs[first + 1] = cost(symbols[first + 1], half)
    taken = cheapest(costs, chain_count(len(residual)))
    return symbols.gather(0, taken[None])[0], taken > 1


@functools.cache
def _ways(device: torch.device) -> tuple[Tensor, Tensor]:
    """Both ways that lead to each state: the states before, and the candidates that are taken, (2, STATES)."""
    ways = [[(s, p) for s in range(STATES) for p in (0, 1) if NEXT[s, p] == state] for state in range(STATES)]
    before, parity = torch.tensor(ways, device=device).permute(2, 1, 0).contiguous()
    return before, 2 * torch.from_numpy(HALVES).to(before)[before] + parity


def cheapest(costs: Tensor, chains: int) -> Tensor:
    """Which candidates cost least in all: their numbers, (A,) int64.

    costs: of each candidate for each element, (CANDIDATES, A), floating point, on any device. chains: at most A; the
    n-th element belongs to chain n modulo this number, and comes after those before it.
    """
    size = costs.shape[1]
    if not size:
        return torch.empty(0, dtype=torch.int64, device=costs.device)
    before, taken = _ways(costs.device)
    rounds = -(-size // chains)
    padded = costs.new_zeros(CANDIDATES, rounds * chains)
    padded[:, :size] = costs
    steps = padded.view(CANDIDATES, rounds, chains).transpose(0, 1)
    total = costs.new_full((STATES, chains), torch.inf)
    total[0] = 0
    second = torch.empty((rounds, STATES, chains), dtype=torch.bool, device=costs.device)
    for step, is_second in zip(steps, second, strict=True):
        # Rows by `index_select`, which copies them whole, and so takes a fourth of the time.
        first, other = (
            total.index_select(0, states).add_(step.index_select(0, candidates))
            for states, candidates in zip(before, taken, strict=True)
        )
        torch.lt(other, first, out=is_second)
        total = torch.minimum(first, other)
    state = total.argmin(0)
    found = torch.empty((rounds, chains), dtype=torch.int64, device=costs.device)
    for step in range(rounds - 1, -1, -1):
        way = second[step].gather(0, state[None])[0].long()
        found[step] = taken[way, state]
        state = before[way, state]
    return found.view(-1)[:size]
