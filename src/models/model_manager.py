"""The models of one process, whatever they are for: each is loaded once; one that embeds is the current one.

``registry.py`` says which there are. Importing this module loads neither torch nor onnxruntime; the module that
makes a model is imported when the model is first asked for.
"""

from __future__ import annotations

import importlib
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from PIL import Image

from src.config import Settings
from src.errors import DownloadFailed, WeightsCorrupt, WeightsMissing
from src.models import registry, weights
from src.models.query_bank import QueryBank, QueryBanks
from src.models.registry import ModelSpec, Task
from src.pixels import to_rgb
from src.schema import Embedder, FloatArray, ModelStatus, Progress, Segmenter
from src.schema.texts import TextReader

BATCH = 32
log = logging.getLogger(__name__)
IDLE_S = 600.0
"""After so long without being used a model's memory is given back."""


class Loaded(Protocol):
    """A model that can give its memory back, of each part that was not used in the last ``idle`` seconds."""

    def unload(self, idle: float = 0.0) -> None: ...


class LoadedModel(Embedder, Loaded, Protocol):
    """A model that embeds."""


class LoadedSegmenter(Segmenter, Loaded, Protocol):
    """A model that segments."""


class LoadedReader(TextReader, Loaded, Protocol):
    """A model that reads the words in pictures."""


Key = tuple[Task, str]
"""Task and id of a model."""
Loader = Callable[[ModelSpec, Path | None, Settings], Loaded]
"""Makes a model from its row and its verified checkpoint (None for one that ships with the project)."""


def load_model(spec: ModelSpec, checkpoint: Path | None, settings: Settings) -> Loaded:
    """The real models: each is made by the module that its row names."""
    made: Loaded = importlib.import_module(spec.module).load(spec, checkpoint, settings)
    return made


class ModelManager:
    """Models by task and id, each loaded at most once. Safe to use from several threads."""

    def __init__(self, model: str | None = None, settings: Settings | None = None, loader: Loader = load_model) -> None:
        """Choose the current model. Loads nothing yet.

        Args:
            model: Its id, as in README; None: the settings' one, else ViT-B/32 where its weights are here, else the
                built-in one.
            settings: Where weights lie and on what models run; None: as the ``MFE_*`` variables say.
            loader: Makes a model from its row of the registry, its checkpoint and the settings; another one is for
                tests.

        Raises:
            UnknownModel: There is no model of that id.
            BadSetting: A variable has a value that makes no sense.
        """
        self.settings = settings or Settings.from_env()
        self._loader = loader
        self._banks = QueryBanks(self.settings.query_banks_dir)
        self._loaded: dict[Key, Loaded] = {}
        self._locks: defaultdict[Key, threading.Lock] = defaultdict(threading.Lock)
        self._guard = threading.Lock()
        self._current = registry.spec(model or self.settings.model or self._default())

    # ------------------------------------------------------------ the current model

    @property
    def model_id(self) -> str:
        return self._current.id

    @property
    def dimensions(self) -> int:
        """Length of the current model's vectors."""
        return self._current.dimensions

    @property
    def space(self) -> str:
        """The current model's space, such as ``ViT-B-32-40d365715913``.

        Raises WeightsMissing where its weights are not here.
        """
        return self.embedder().space

    def load_clip(self, name: str = registry.DEFAULT_CLIP) -> None:
        """Make a CLIP model the current one, after a verified download where its weights are not here yet.

        Args:
            name: Its id, as in README.

        Raises:
            UnknownModel: There is no model of that id.
            WeightsMissing: They can't be had now; it says from which URL, under which name and with which hash they
                can be put where.
            WeightsCorrupt: They are not the published ones, or can't be read.
        """
        spec = registry.spec(name)
        if not spec.ships:
            self._fetch(spec)
        self.embedder(name)
        self._current = spec

    def load_sam(self, name: str | None = None) -> LoadedSegmenter:
        """A Segment Anything, for ``SegmentExtractor``, after a verified download where its weights are not here yet.

        Args:
            name: ``mobile-sam``, ``sam-vit-b``, ``sam-vit-l`` or ``sam-vit-h``; None: one whose weights are here, the
                quickest first, else MobileSAM.

        Returns:
            The model, which may be used from several threads.

        Raises:
            UnknownModel: There is no Segment Anything of that id.
            WeightsMissing: They can't be had now; it says from which URL, under which name and with which hash they
                can be put where.
            WeightsCorrupt: They are not the published ones, or can't be read.
        """
        offered = registry.specs("segment")
        here = next((spec.id for spec in offered if self._checkpoint(spec)), offered[0].id)
        spec = registry.spec(name or here, "segment")
        self._fetch(spec)
        return self.segmenter(spec.id)

    def encode(self, image: Image.Image | Sequence[Image.Image]) -> FloatArray:
        """Turn pictures into vectors of the current model, which is loaded at the first call.

        Args:
            image: A picture or a list of n, each of any size and PIL mode; the EXIF orientation is applied.

        Returns:
            (D,) for a picture, (n, D) for a list, (0, D) for an empty one: float32, L2 norm 1.

        Raises:
            WeightsMissing: The model's weights are not here; nothing is downloaded.
            WeightsCorrupt: They are not the published ones, or can't be read.
            OSError: A picture's file can't be decoded.
        """
        vectors = self._encode_images([image] if isinstance(image, Image.Image) else image)
        return _first(vectors) if isinstance(image, Image.Image) else vectors

    def encode_text(self, text: str | Sequence[str]) -> FloatArray:
        """Turn texts into vectors in the same space as ``encode``.

        Args:
            text: A text or a list of n. What a model can't take in, because a text is too long for it, is left out.

        Returns:
            (D,) for a text, (n, D) for a list, (0, D) for an empty one: float32, L2 norm 1.

        Raises:
            WeightsMissing: The model's weights are not here; nothing is downloaded.
            WeightsCorrupt: They are not the published ones, or can't be read.
        """
        model = self.embedder()
        if isinstance(text, str):
            return _first(model.encode_texts([text]))
        return _stack(
            [model.encode_texts(text[at : at + BATCH]) for at in range(0, len(text), BATCH)], model.dimensions
        )

    def runs_on(self, model_id: str | None = None) -> tuple[str, str]:
        """Device and precision of a model (None: the current one), for display; until it is loaded, as asked for."""
        spec = registry.spec(model_id) if model_id else self._current
        model = self._loaded.get((spec.task, spec.id))
        device, precision = ("CPU", "fp32") if spec.ships else (self.settings.device, self.settings.precision)
        return str(getattr(model, "device_name", device)), str(getattr(model, "precision_name", precision))

    def unheeded(self, model_id: str) -> str | None:
        """What MFE_DEVICE and MFE_PRECISION ask for and that model does not do, as a sentence; None for nothing."""
        return self._unheeded(registry.spec(model_id))

    # ------------------------------------------------------------ any model

    def knows(self, model_id: str | None) -> bool:
        """Whether there is a model of that id."""
        return any(spec.id == model_id for spec in registry.specs())

    def embedder(self, model_id: str | None = None) -> LoadedModel:
        """The model of that id (None: the current one), loaded at the first call.

        Never downloads: raises WeightsMissing instead.
        """
        return cast(LoadedModel, self._load(registry.spec(model_id) if model_id else self._current))

    def segmenter(self, segmenter_id: str) -> LoadedSegmenter:
        """The Segment Anything of that id; raises as ``loaded`` does."""
        return cast(LoadedSegmenter, self.loaded("segment", segmenter_id))

    def reader(self, reader_id: str = registry.READER) -> LoadedReader:
        """What reads the words in pictures; raises as ``loaded`` does."""
        return cast(LoadedReader, self.loaded("text", reader_id))

    def loaded(self, task: Task, model_id: str) -> Loaded:
        """The model of that task and id, loaded at the first call. Never downloads.

        Raises WeightsMissing where its weights are not here, and UnknownModel for an id there is none of.
        """
        return self._load(registry.spec(model_id, task))

    def query_bank(self, model_id: str) -> QueryBank:
        """What a model makes of queries that no photo answers, and of visible things; made once for each model."""
        return self._banks.of(self.embedder(model_id))

    def statuses(self, active: str, task: Task = "embed") -> list[ModelStatus]:
        """Every model of a task as the user may choose it; ``active`` is the library's.

        A checkpoint not seen before is hashed first (seconds). Dimensions are 0 where no vectors are made.
        """
        return [self._status(spec, active) for spec in registry.specs(task)]

    def download(self, model_id: str) -> Iterator[Progress]:
        """Fetch the weights of a model of any task into ``data/weights``; see ``weights.download``.

        Nothing is fetched where they are here already.
        """
        spec = registry.spec_of_any_task(model_id)
        if spec.ships or self._checkpoint(spec) is not None:
            return
        yield from weights.download(spec, self.settings.weights_dir, self.settings.weights_url)

    def unload(self, model_id: str | None = None) -> None:
        """Give back the memory of a model of any task (None: the current one). The next use loads it again."""
        spec = registry.spec_of_any_task(model_id) if model_id else self._current
        with self._lock((spec.task, spec.id)):
            model = self._loaded.pop((spec.task, spec.id), None)
            if model is not None:
                model.unload()

    def unload_idle(self) -> None:
        """Give back the memory of what was unused for ``IDLE_S``, each half of a model by itself; its use loads it.

        Cheap, and to be called every minute or so, from any thread. Waits for nothing: what is being loaded stays.
        """
        for model in list(self._loaded.values()):
            model.unload(IDLE_S)

    # ------------------------------------------------------------ inside

    def _default(self) -> str:
        """ViT-B/32 where its verified weights are here.

        A damaged file is no reason not to start: the statuses tell of it.
        """
        try:
            found = self._checkpoint(registry.spec(registry.DEFAULT_CLIP))
        except WeightsCorrupt:
            found = None
        return registry.DEFAULT_CLIP if found else registry.BUILTIN

    def _load(self, spec: ModelSpec) -> Loaded:
        """The model of that row, loaded at the first call; of several threads one does so, others wait."""
        key = (spec.task, spec.id)
        with self._lock(key):
            if key not in self._loaded:
                checkpoint = self._checkpoint(spec)
                if checkpoint is None and not spec.ships:
                    raise weights.missing(spec, self.settings.weights_dir, self.settings.weights_url)
                if notice := self._unheeded(spec):
                    log.info(notice)
                self._loaded[key] = self._loader(spec, checkpoint, self.settings)
            return self._loaded[key]

    def _fetch(self, spec: ModelSpec) -> None:
        """Download weights that are not here. Raises WeightsMissing where they can't be had."""
        if self._checkpoint(spec) is None:
            try:
                for _ in self.download(spec.id):
                    pass
            except DownloadFailed as error:
                raise WeightsMissing(error.user_message, error.hint) from error

    def _checkpoint(self, spec: ModelSpec) -> Path | None:
        """The verified checkpoint, None where it is not on this machine. Raises WeightsCorrupt."""
        return weights.locate(spec, (self.settings.weights_dir, *self.settings.weights_path))

    def _lock(self, key: Key) -> threading.Lock:
        with self._guard:
            return self._locks[key]

    def _unheeded(self, spec: ModelSpec) -> str | None:
        """What was asked for by settings that a model does not heed; see ``unheeded``."""
        asked = {"MFE_DEVICE": self.settings.device, "MFE_PRECISION": self.settings.precision}
        ignored = [f"{name}={value}" for name, value in asked.items() if value not in ("auto", "cpu", "fp32")]
        if not ignored or not spec.ships or spec.task != "embed":
            return None
        names = " and ".join(ignored)
        return f"The built-in model runs on the CPU in fp32; {names} is for CLIP and Segment Anything."

    def _status(self, spec: ModelSpec, active: str) -> ModelStatus:
        """One model as the user may choose it; where its file is a wrong one, ``about`` says so."""
        about = spec.about
        try:
            available = spec.ships or self._checkpoint(spec) is not None
        except WeightsCorrupt as error:
            available, about = False, str(error)
        return ModelStatus(
            id=spec.id,
            title=spec.title,
            dimensions=spec.dimensions,
            available=available,
            active=spec.id == active,
            download_bytes=spec.bytes,
            file_name=spec.file_name,
            url=spec.url,
            sha256=spec.sha256,
            about=about,
        )

    def _encode_images(self, images: Sequence[Image.Image]) -> FloatArray:
        model = self.embedder()
        batches = (images[at : at + BATCH] for at in range(0, len(images), BATCH))
        return _stack(
            [model.encode_pixels(np.stack([model.preprocess(to_rgb(i)) for i in batch])) for batch in batches],
            model.dimensions,
        )


def _first(vectors: FloatArray) -> FloatArray:
    vector: FloatArray = vectors[0]
    return vector


def _stack(parts: list[FloatArray], dimensions: int) -> FloatArray:
    """Batches one below the other; (0, D) where there are none."""
    return np.concatenate(parts) if parts else np.empty((0, dimensions), dtype=np.float32)
