"""Releases in repositories on the Hub: found, fetched, listed and published through huggingface_hub.

That library is imported when it is needed: with built-in releases and local folders it never is. Its environment
(HF_HOME, HF_ENDPOINT, HF_HUB_OFFLINE, HF_TOKEN, proxies) and its cache are in force; `hf auth login` logs in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from .._version import __version__
from ..container.limits import COMMIT, REPOSITORY, REVISION
from ..errors import HubError, InvalidInput, InvalidRelease, StereoCodecError, UnknownModel
from ..text import one_line, reason_of
from .cards import copy_release
from .folders import CARD, CONFIG, TENSORS, built_in_names, exists, find_release, read_checked, read_config


class Located(NamedTuple):
    """A release's folder, and for one from the Hub its origin: "org/name@commit"."""

    folder: Path
    origin: str | None


def locate(
    name_or_path: str | Path,
    *,
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
    token: str | bool | None = None,
) -> Located:
    """The folder of a built-in release, of a path, or of a repository "org/name" or "org/name@revision".

    A folder that exists is never looked for on the Hub. Raises what `find_release` and `fetch` raise, and InvalidInput
    for a revision of what is not on the Hub.
    """
    repository, _, named_revision = str(name_or_path).partition("@")
    on_hub = isinstance(name_or_path, str) and REPOSITORY.fullmatch(repository) and not exists(Path(name_or_path))
    if not on_hub or name_or_path in built_in_names():
        if revision is not None:
            raise InvalidInput(f"'{name_or_path}' is not a repository on the Hub: leave revision {revision!r} out")
        return Located(find_release(name_or_path), None)
    if named_revision and revision is not None:
        raise InvalidInput(f"'{name_or_path}' names a revision already: leave revision {revision!r} out")
    return fetch(
        repository,
        revision=revision or named_revision or None,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
        force_download=force_download,
        token=token,
    )


def fetch(
    repository: str,
    *,
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
    token: str | bool | None = None,
) -> Located:
    """A release from the Hub, out of the cache where it is there, with its files checked against their sha256.

    repository: "org/name". revision: a branch, tag or commit; "main" by default. cache_dir: in place of the Hub's
    own. local_files_only: never ask the network. force_download: fetch again what the cache has. token: True or None
    for that of `hf auth login`, False for none.

    Raises UnknownModel for no such repository, revision or release there, HubError when it cannot be had, and
    InvalidRelease when what it holds is another format version, incomplete or altered.
    """
    _check_names(repository, revision)
    if local_files_only:
        return _cached(repository, revision, cache_dir)
    settings: dict[str, Any] = {
        "cache_dir": cache_dir,
        "force_download": force_download,
        "token": token,
        "library_name": "stereocodec",
        "library_version": __version__,
    }
    with _one_line_errors(repository, revision):
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError

        folder = Path(hf_hub_download(repository, CONFIG, revision=revision, **settings)).parent
        commit = folder.name
        if not COMMIT.fullmatch(commit):
            raise HubError(f"the Hub names no commit of '{repository}': check HF_ENDPOINT")
        config = read_config(folder)  # before the weights are fetched: they may be large, and of no use
        # All files of one commit, whatever happens to the branch in the meantime.
        hf_hub_download(repository, TENSORS, revision=commit, **settings)
        with suppress(EntryNotFoundError):  # a release without a card works
            hf_hub_download(repository, CARD, revision=commit, **settings)
        return _checked(repository, folder, config)


def _cached(repository: str, revision: str | None, cache_dir: str | Path | None) -> Located:
    """What `fetch` finds in the cache. It does without the Hub's client, which, told to take local files only, may
    still send requests of its own."""
    with _one_line_errors(repository, revision):
        from huggingface_hub import try_to_load_from_cache

        config, tensors = (
            try_to_load_from_cache(repository, name, cache_dir=cache_dir, revision=revision)
            for name in (CONFIG, TENSORS)
        )
        if not isinstance(config, str) or not isinstance(tensors, str):
            raise _not_cached(None, f"{repository}@{revision}" if revision else repository)
        folder = Path(config).parent
        return _checked(repository, folder, read_config(folder))


def _checked(repository: str, folder: Path, config: Mapping[str, Any]) -> Located:
    """A release in the cache, if its files are those of its config.json."""
    origin = f"{repository}@{folder.name}"
    try:
        read_checked(folder, config)
    except InvalidRelease as error:
        raise InvalidRelease(f"{error}: bisic pull --force {origin}") from error
    return Located(folder, origin)


def cached_releases(cache_dir: str | Path | None = None) -> list[Located]:
    """Releases in the Hub's cache, by name, newest commit first; other repositories are left out."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repositories = scan_cache_dir(cache_dir).repos
    except CacheNotFound:
        return []
    found = []
    for repository in sorted(repositories, key=lambda repository: repository.repo_id):
        if repository.repo_type != "model":
            continue
        for revision in sorted(repository.revisions, key=lambda revision: -revision.last_modified):
            folder = Path(revision.snapshot_path)
            if _is_release(folder):
                found.append(Located(folder, f"{repository.repo_id}@{revision.commit_hash}"))
    return found


def publish(
    folder: Path,
    repository: str,
    *,
    commit_message: str,
    private: bool | None = None,
    token: str | bool | None = None,
    branch: str | None = None,
    create_pr: bool | None = None,
    model_card_kwargs: dict[str, Any] | None = None,
    allow_patterns: list[str] | str | None = None,
    ignore_patterns: list[str] | str | None = None,
    delete_patterns: list[str] | str | None = None,
) -> str:
    """Uploads a release folder, into a new repository if there is none; returns the URL of the (last) commit.

    The card gets the Hub's metadata, with the fields of `model_card_kwargs`; the folder stays as it is.
    The other arguments are those of huggingface_hub's `create_repo` and `upload_folder`. Raises InvalidRelease,
    InvalidInput for a card that is not valid, HubError, and UnknownModel for a branch that does not exist.
    """
    _check_names(repository, branch)
    with _one_line_errors(repository, branch), TemporaryDirectory() as scratch:
        from huggingface_hub import HfApi

        copy_release(folder, Path(scratch), model_card_kwargs or {})
        api = HfApi(token=token, library_name="stereocodec", library_version=__version__)
        repository = api.create_repo(repository, private=private, exist_ok=True).repo_id
        commit = api.upload_folder(
            repo_id=repository,
            folder_path=scratch,
            commit_message=commit_message,
            revision=branch,
            create_pr=create_pr,
            allow_patterns=allow_patterns,
            ignore_patterns=ignore_patterns,
            delete_patterns=delete_patterns,
        )
        return str(commit.commit_url)


def _check_names(repository: str, revision: str | None) -> None:
    """Raises InvalidInput for what can be no repository or no revision on the Hub."""
    if not isinstance(repository, str) or not REPOSITORY.fullmatch(repository):
        raise InvalidInput(f"'{_short(repository)}' is not the name of a repository on the Hub: write it as org/name")
    if revision is not None and not (isinstance(revision, str) and REVISION.fullmatch(revision)):
        raise InvalidInput(f"'{_short(revision)}' can be no revision on the Hub: name a branch, a tag or a commit")


def _short(name: object) -> str:
    text = one_line(str(name)[:100])
    return text if len(str(name)) <= 100 else f"{text}..."


def hide_progress() -> None:
    """From now on downloads and uploads of this process show no progress bars."""
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()


def _is_release(folder: Path) -> bool:
    try:
        config = read_config(folder)
    except InvalidRelease:
        return False
    return {"model_id", "architecture", "lattice"} <= config.keys() and (folder / TENSORS).is_file()


@contextmanager
def _one_line_errors(repository: str, revision: str | None) -> Iterator[None]:
    """Whatever huggingface_hub and the network raise, as one of our errors that says what to do."""
    try:
        yield
    except (StereoCodecError, MemoryError):
        raise
    except ImportError as error:
        raise HubError(f"huggingface_hub cannot be imported ({error}): pip install -U huggingface_hub") from error
    except Exception as error:
        raise _explained(error, repository, revision) from error


def _explained(error: Exception, repository: str, revision: str | None) -> StereoCodecError:
    from huggingface_hub import errors

    name = f"{repository}@{revision}" if revision else repository
    if isinstance(error, errors.GatedRepoError):
        return HubError(f"'{repository}' is gated: ask for access on its page, then log in with hf auth login")
    if isinstance(error, errors.RepositoryNotFoundError):
        return UnknownModel(
            f"no model '{repository}': neither a folder here nor a repository on the Hub that you may read; "
            "check the name, and for a private one log in with hf auth login"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return UnknownModel(f"'{repository}' has no revision '{revision}' on the Hub; name a branch, tag or commit")
    if isinstance(error, errors.LocalEntryNotFoundError):
        return _not_cached(error.__cause__, name)
    if isinstance(error, errors.EntryNotFoundError):
        return UnknownModel(f"'{name}' is no stereocodec release: it lacks {CONFIG} or {TENSORS}; name another one")
    if isinstance(error, errors.OfflineModeIsEnabled):
        return HubError(f"HF_HUB_OFFLINE forbids to reach the Hub for '{name}': unset it")
    return HubError(f"the Hub failed for '{name}': {_reason(error)}; try again later")


def _not_cached(cause: BaseException | None, name: str) -> HubError:
    from huggingface_hub import errors

    way_out = f"run bisic pull {name} where there is a network, or copy the release's folder and name that"
    if cause is None:
        return HubError(f"'{name}' is not in the cache, and local_files_only forbids to fetch it: {way_out}")
    if isinstance(cause, errors.OfflineModeIsEnabled):
        return HubError(f"'{name}' is not in the cache, and HF_HUB_OFFLINE forbids to fetch it: unset it, or {way_out}")
    return HubError(f"'{name}' is not in the cache, and the Hub cannot be asked ({_reason(cause)}): {way_out}")


def _reason(error: BaseException) -> str:
    """One short line; of an HTTP error its status, because its text is long and partly about other things."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        meaning = {401: "not logged in", 403: "forbidden", 429: "too many requests", 503: "unavailable"}.get(status)
        return f"HTTP status {status}" + (f", {meaning}" if meaning else "")
    text = reason_of(error)[:200]
    return text if text == type(error).__name__ else f"{type(error).__name__}: {text}"
