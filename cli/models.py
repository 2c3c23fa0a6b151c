"""`bisic models`; needs no torch."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from stereocodec.errors import InvalidRelease
from stereocodec.releases.folders import Summary, built_in_names, find_release, summary
from stereocodec.text import one_line


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def models(as_json: bool) -> None:
    """List the models that are here.

    These are the built-in ones and those in the Hub's cache: what --model takes, the size of the files, the number
    of parameters, the licence, and bits per pixel and PSNR as measured when the model was exported.
    """
    from stereocodec.releases.hub import cached_releases

    found = [(name, True, summary(find_release(name))) for name in built_in_names()]
    for folder, origin in cached_releases():
        try:
            found.append((str(origin), False, summary(folder)))
        except InvalidRelease as error:
            # The others are still of use; its own error comes when it is used.
            click.echo(f"bisic: warning: {one_line(origin)} left out: {error}", err=True)
    if as_json:
        click.echo(json.dumps([_as_json(*entry) for entry in found], indent=2))
    else:
        click.echo("\n".join(_as_text(*entry) for entry in found))


def _as_json(name: str, built_in: bool, described: Summary) -> dict[str, Any]:
    rates = [dict(zip(("quality", "bpp", "psnr"), rate, strict=True)) for rate in described.rates]
    return {"model": name, "built_in": built_in} | asdict(described) | {"rates": rates}


def _as_text(name: str, built_in: bool, described: Summary) -> str:
    facts = [
        "built in" if built_in else "from the Hub",
        described.architecture,
        f"{described.parameters:,} parameters",
        f"{described.size / 1e6:.1f} MB",
        f"licence {described.licence}" if described.licence else "no licence named",
    ]
    return f"{name}\n  {', '.join(facts)}\n  {_rates_text(described)}"


def _rates_text(described: Summary) -> str:
    if not described.rates:
        return "rate and quality not measured"
    return "; ".join(f"quality {quality}: {bpp:.3f} bpp, {psnr:.1f} dB" for quality, bpp, psnr in described.rates)
