"""The BD-rates that the scripts use; see stereocodec/evaluation/bd_rate.py."""

from __future__ import annotations

from stereocodec.evaluation.bd_rate import METRICS, BdRate, bd_rates, mean_percent, pair_bd_rate, rising

__all__ = ["METRICS", "BdRate", "bd_rates", "mean_percent", "pair_bd_rate", "rising"]
