"""What the codecs share: where a release comes from and goes, and what its files say of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from .band_work import Progress
from .choices import Choices
from .coding import ReleaseCoder
from .container import Band, Chunk, Container, ViewKind
from .container.depth import BoundedDepth, DepthView
from .container.limits import HUB_REPOSITORY, MODEL_NAME
from .container.salvage import salvage as salvaged
from .devices import torch_device
from .errors import CorruptFile, InvalidInput, InvalidRelease
from .own_files import contents, purpose, require_own
from .pictures.arguments import plain_number
from .pictures.picture import Picture
from .pictures.rgb import Output
from .region import Rectangle
from .releases.cards import copy_release
from .releases.folders import BUILT_IN
from .releases.for_file import weights_of
from .releases.hub import Located, locate, publish
from .releases.release import Release, load_release

if TYPE_CHECKING:
    import torch
    from typing_extensions import Self

    from .models import StereoModel

_Codec = TypeVar("_Codec", bound="ReleaseCodec")


class ReleaseCodec(ABC):
    """A release's networks and tables, for files of one kind.

    One codec may be used from several threads at once. Decoded pictures may differ between machines by one grey level
    in rare places, depth by one step where its value lies halfway between two; the latents, and so the file, never do.
    """

    default_model: ClassVar[str]

    def __init__(
        self,
        release: Release,
        *,
        device: str | torch.device = "auto",
        built_in: bool = False,
        origin: str | None = None,
    ) -> None:
        """See `from_pretrained`. The release's network is taken over (`ReleaseCoder`).

        origin: where on the Hub the release is, as "org/name@commit"; files say so.
        """
        self._built_in = built_in
        self._origin = origin
        kind = self._kind_of(release.model)
        if kind is None:
            raise InvalidInput(f"the model {release.name} is for {purpose(release.model.view_kind)}")
        self.view_kind = kind
        self._coder = ReleaseCoder(release, torch_device(device))

    @classmethod
    @abstractmethod
    def _kind_of(cls, model: StereoModel) -> ViewKind | None:
        """The kind of the files that this codec writes with a model; None for one that is not for it."""

    @abstractmethod
    def _decompressed(
        self,
        container: Container,
        output: Output,
        region: Rectangle | None,
        threads: int | None,
        progress: Progress | None,
        lost: dict[int, str] | None = None,
    ) -> tuple[Any, Any]:
        """Both parts of what a file holds, as `decompress` gives them; lost: as of `ReleaseCoder.decode`."""

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path | None = None,
        *,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        token: str | bool | None = None,
        device: str | torch.device = "auto",
    ) -> Self:
        """Loads a built-in release by name, a release folder, or a release on the Hub as "org/name".

        When no name is given, that is the built-in `default_model`.
        revision: a branch, tag or commit on the Hub; also as "org/name@revision". cache_dir, local_files_only,
        force_download, token: as in huggingface_hub.
        device: "auto" (a CUDA device when there is one), "cpu", "cuda", "cuda:N", "mps", or a torch.device.
        Raises UnknownModel, InvalidRelease, HubError, and InvalidInput for a device that is not there.
        """
        torch_device(device)
        located = locate(
            cls.default_model if name_or_path is None else name_or_path,
            revision=revision,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            force_download=force_download,
            token=token,
        )
        return cls._load(located, device)

    @classmethod
    def for_file(
        cls,
        data: bytes | Container,
        model: str | Path | None = None,
        *,
        device: str | torch.device = "auto",
        pull: bool = False,
        cache_dir: str | Path | None = None,
        token: str | bool | None = None,
    ) -> Self:
        """The codec that decodes these `.bsc` bytes, or what was read from them: the given model, or the release that
        made them.

        That is a built-in one or one in the Hub's cache; with `pull` it is fetched from the Hub if the file says
        where it is. Raises FormatError for bytes that are no valid file, WrongModel when the release is not here, and
        what `from_pretrained` raises.
        """
        container = contents(data)
        if model is not None:
            return cls.from_pretrained(model, cache_dir=cache_dir, token=token, device=device)
        return cls._load(weights_of(container, pull=pull, cache_dir=cache_dir, token=token), device)

    @classmethod
    def _load(cls, located: Located, device: str | torch.device) -> Self:
        built_in = located.folder.parent == BUILT_IN
        return cls(load_release(located.folder), device=device, built_in=built_in, origin=located.origin)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled, a codec is where its release lies: a process that is not forked loads it from there again."""
        return _loaded_again, (
            type(self),
            self._coder.release.folder,
            self._origin,
            str(self._coder.device),
            self.model_id,
        )

    def save_pretrained(
        self,
        save_directory: str | Path,
        *,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        model_card_kwargs: dict[str, Any] | None = None,
        **push_to_hub_kwargs: Any,
    ) -> str | None:
        """Writes the release folder that this codec was loaded from, and with `push_to_hub` publishes it.

        model_card_kwargs: fields for the card's metadata, e.g. {"license": "mit"}. repo_id: "org/name"; by default
        the folder's last two names. Returns None, or the commit's URL. Raises OutputError, InvalidRelease when the
        release is not where it was any more, and what `push_to_hub` raises.
        """
        folder = Path(save_directory)
        if push_to_hub_kwargs and not push_to_hub:
            raise InvalidInput(f"{', '.join(push_to_hub_kwargs)}: only with push_to_hub=True")
        copy_release(self._coder.release.folder, folder, model_card_kwargs)
        if not push_to_hub:
            return None
        repository = repo_id or "/".join(folder.absolute().parts[-2:])
        return self.push_to_hub(repository, model_card_kwargs=model_card_kwargs, **push_to_hub_kwargs)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        commit_message: str = "Release of a stereocodec model",
        private: bool | None = None,
        token: str | bool | None = None,
        branch: str | None = None,
        create_pr: bool | None = None,
        allow_patterns: list[str] | str | None = None,
        ignore_patterns: list[str] | str | None = None,
        delete_patterns: list[str] | str | None = None,
        model_card_kwargs: dict[str, Any] | None = None,
    ) -> str:
        """Publishes the release on the Hub as `repo_id` ("org/name"), made if it is missing; returns the commit's URL.

        The arguments are those of huggingface_hub's own model mixin; its card gets metadata, see `save_pretrained`.
        Raises HubError, UnknownModel for a missing branch, InvalidInput and InvalidRelease.
        """
        return publish(
            self._coder.release.folder,
            repo_id,
            commit_message=commit_message,
            private=private,
            token=token,
            branch=branch,
            create_pr=create_pr,
            model_card_kwargs=model_card_kwargs,
            allow_patterns=allow_patterns,
            ignore_patterns=ignore_patterns,
            delete_patterns=delete_patterns,
        )

    def salvage(
        self,
        data: bytes,
        *,
        output: Output = "pil",
        max_pixels: int | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[Any, Any, tuple[str, ...]]:
        """Decodes what is whole of a damaged file: what `decompress` gives, and what is wrong with which bands.

        Pictures are grey in these bands; there are none in an intact file. A depth map is whole: it is part of the
        head. Arguments as of `decompress`.
        Raises CorruptFile for a file whose head is damaged or that has a single band, or no whole one, and what
        `decompress` raises.
        """
        container, lost = salvaged(data)
        first, second = self._decompressed(self._own(container, max_pixels), output, None, threads, progress, lost)
        if len(lost) == len(container.bands):
            raise CorruptFile("the file is damaged in all of its bands; fetch it again")
        return first, second, tuple(lost[number] for number in sorted(lost))

    @property
    def name(self) -> str:
        """The release's name."""
        return self._coder.release.name

    @property
    def model_id(self) -> bytes:
        """What files name this release's weights by."""
        return self._coder.release.model_id

    @property
    def has_qualities(self) -> bool:
        """Whether `compress` takes a quality; otherwise the model has a single one."""
        return self._coder.model.has_qualities

    def quality_or_default(self, quality: float | None) -> float:
        """What `compress` makes of a quality: rounded to 1/256; 0 for a model with a single one.

        Raises InvalidInput for what is no number from 0 to 100, and for any with such a model.
        """
        return self._choices.quality(quality)

    @property
    def _choices(self) -> Choices:
        return Choices(self.name, self._coder.model.has_qualities, self._coder.model.has_efforts)

    def _container(
        self, bands: tuple[Band, ...], picture: Picture, quality: float, depth: DepthView | BoundedDepth | None = None
    ) -> Container:
        """What the file of coded views holds.

        picture: the first one, with the metadata of both. depth: what it says of a depth map.
        """
        return Container(
            height=picture.pixels.shape[0],
            width=picture.pixels.shape[1],
            channels=picture.channels,
            orientation=picture.orientation,
            quality=quality,
            model_id=self.model_id,
            bands=bands,
            chunks=(*self._chunks(), *picture.metadata.to_chunks()),
            view_kind=self.view_kind,
            depth=depth,
        )

    def _chunks(self) -> tuple[Chunk, ...]:
        """What a file of this release says of it; a built-in one is known by its id."""
        named = () if self._built_in else (Chunk(MODEL_NAME, self.name.encode()),)
        return (*named, Chunk(HUB_REPOSITORY, self._origin.encode())) if self._origin else named

    def _own(self, file: bytes | Container, max_pixels: int | None) -> Container:
        """What a file of this release holds, if it has no more pixels than `max_pixels` (`decompress`)."""
        container = contents(file)
        require_own(container, self.view_kind, self.name, self.model_id)
        self._coder.require_fewer_pixels(container, plain_number(max_pixels))
        return container


def _loaded_again(codec: type[_Codec], folder: Path, origin: str | None, device: str, model_id: bytes) -> _Codec:
    loaded = codec._load(Located(folder, origin), device)
    if loaded.model_id != model_id:
        raise InvalidRelease(f"{folder} has other weights than when this codec was loaded; load it where it is used")
    return loaded
