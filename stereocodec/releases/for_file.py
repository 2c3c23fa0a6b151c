"""Which weights decode a `.bsc` file: the built-in release that made it, or the one on the Hub that it names."""

from __future__ import annotations

from pathlib import Path

from ..container import Container
from ..container.limits import HUB_REPOSITORY, MODEL_NAME
from ..errors import HubError, UnknownModel, WrongModel
from .folders import EARLIER_RELEASES, built_in_of, model_id_of
from .hub import Located, fetch


def weights_of(
    container: Container, *, pull: bool = False, cache_dir: str | Path | None = None, token: str | bool | None = None
) -> Located:
    """The release of a file: built in, in the Hub's cache, or with `pull` fetched from the Hub.

    Without `pull` no network is used: a file may come from anywhere, and nothing is fetched only because it says so.
    Raises WrongModel, which says where to get the weights, and with `pull` what `hub.fetch` raises.
    """
    built_in = built_in_of(container.model_id)
    if built_in is not None:
        return Located(built_in, None)
    origin = container.chunk(HUB_REPOSITORY)
    if origin is None:
        raise WrongModel(f"{other_weights(container)}; {_way_to_weights(container)}")
    repository, _, commit = origin.decode("ascii").partition("@")
    try:
        located = fetch(repository, revision=commit, cache_dir=cache_dir, local_files_only=not pull, token=token)
    except (HubError, UnknownModel) as error:
        if pull:
            raise
        raise WrongModel(
            f"{other_weights(container)}, which is not here: bisic pull {repository}@{commit} fetches it, "
            "so does decoding with --pull (pull=True in Python)"
        ) from error
    if model_id_of(located.folder) != container.model_id:
        raise WrongModel(f"{other_weights(container)}, but what is there are other weights; ask the file's author")
    return located


def other_weights(container: Container) -> str:
    """A phrase that names the weights which wrote a file."""
    name = container.chunk(MODEL_NAME)
    origin = container.chunk(HUB_REPOSITORY)
    described = f"'{name.decode()}' ({container.model_id.hex()})" if name else container.model_id.hex()
    where = f" of {origin.decode('ascii')} on the Hub" if origin else ""
    return f"the file was written with the model {described}{where}"


def _way_to_weights(container: Container) -> str:
    earlier = EARLIER_RELEASES.get(container.model_id.hex())
    if earlier is None:
        return "name its release folder with --model or model="
    name, version = earlier
    return f"that is the {name} built into version {version}: decode it with pip install 'stereocodec=={version}'"
