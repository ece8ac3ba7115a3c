"""ModelManager: which model is current, loading once, and what encode accepts.

Models are stand-ins given through the loader seam.
"""

import hashlib
import subprocess
import sys
import threading
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.config import PROJECT_DIR, Settings
from src.errors import DownloadFailed, UnknownModel, WeightsCorrupt, WeightsMissing
from src.models import query_bank, registry, weights
from src.models.model_manager import BATCH, ModelManager, load_model
from src.models.registry import ModelSpec
from src.pixels import to_rgb
from tests.fakes import FakeEmbedder, colour_picture


class Loader:
    """Hands out fakes and remembers what was asked for."""

    def __init__(self):
        self.calls: list[tuple[str, Path | None]] = []
        self.made: list[FakeEmbedder] = []

    def __call__(self, spec: ModelSpec, checkpoint: Path | None, settings: Settings) -> FakeEmbedder:
        self.calls.append((spec.id, checkpoint))
        self.made.append(FakeEmbedder(spec.id))
        return self.made[-1]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def loader() -> Loader:
    return Loader()


@pytest.fixture
def clip_here(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint of ViT-B/32 in data/weights: a small file, with the registry's hash set to its own."""
    content = b"a checkpoint"
    real = registry.spec("ViT-B/32")
    small = ModelSpec(**{**vars(real), "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)})
    monkeypatch.setattr(registry, "_SPECS", tuple(small if s.id == real.id else s for s in registry._SPECS))
    path = settings.weights_dir / real.file_name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_importing_it_loads_neither_torch_nor_onnxruntime():
    code = (
        "import sys, src.models.model_manager; "
        "print(sorted({'torch', 'onnxruntime', 'chromadb', 'streamlit'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT_DIR)
    assert done.stdout.strip() == "[]"


def test_without_clip_the_builtin_model_is_the_default_and_nothing_is_loaded_yet(settings, loader):
    manager = ModelManager(settings=settings, loader=loader)
    assert (manager.model_id, manager.dimensions) == ("builtin", 768)
    assert loader.calls == []


def test_clip_is_the_default_once_its_weights_are_here(settings, loader, clip_here):
    manager = ModelManager(settings=settings, loader=loader)
    assert (manager.model_id, manager.dimensions) == ("ViT-B/32", 512)
    manager.encode_text("a dog")
    assert loader.calls == [("ViT-B/32", clip_here)]


def test_weights_in_a_folder_of_the_users_are_found(settings, loader, clip_here, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    clip_here.rename(elsewhere / clip_here.name)
    manager = ModelManager("ViT-B/32", Settings(home=settings.home, weights_path=(elsewhere,)), loader)
    manager.embedder()
    assert loader.calls == [("ViT-B/32", elsewhere / clip_here.name)]
    assert [p.name for p in elsewhere.iterdir()] == [clip_here.name]


def test_the_argument_beats_the_setting_and_the_setting_the_default(settings, loader):
    chosen = Settings(home=settings.home, model="ViT-B/16")
    assert ModelManager(settings=chosen, loader=loader).model_id == "ViT-B/16"
    assert ModelManager("builtin", chosen, loader).model_id == "builtin"
    with pytest.raises(UnknownModel):
        ModelManager("nonsense", settings, loader)


def test_a_damaged_checkpoint_does_not_stop_the_start_and_is_told_of(settings, loader, clip_here):
    clip_here.write_bytes(b"another file")
    manager = ModelManager(settings=settings, loader=loader)
    assert manager.model_id == "builtin"
    status = next(s for s in manager.statuses("builtin") if s.id == "ViT-B/32")
    assert not status.available
    assert hashlib.sha256(b"another file").hexdigest() in status.about
    with pytest.raises(WeightsCorrupt):
        manager.embedder("ViT-B/32")


def test_embedder_does_not_download_and_says_what_to_do(settings, loader):
    spec = registry.spec("ViT-B/32")
    with pytest.raises(WeightsMissing) as caught:
        ModelManager("ViT-B/32", settings, loader).encode(colour_picture("red"))
    for part in (spec.url, spec.sha256, spec.file_name, str(settings.weights_dir)):
        assert part in str(caught.value)
    assert loader.calls == []


def test_load_clip_makes_it_the_current_model(settings, loader, clip_here):
    manager = ModelManager("builtin", settings, loader)
    manager.load_clip()
    assert manager.model_id == "ViT-B/32"
    assert [name for name, _ in loader.calls] == ["ViT-B/32"]


def test_load_clip_downloads_once_where_the_weights_are_missing(settings, loader, clip_here, monkeypatch):
    content = clip_here.read_bytes()
    clip_here.unlink()
    fetched: list[str] = []

    def fake_download(spec, folder, base_url=None):
        fetched.append(spec.id)
        (folder / spec.file_name).write_bytes(content)
        yield from ()

    monkeypatch.setattr(weights, "download", fake_download)
    manager = ModelManager("builtin", settings, loader)
    manager.load_clip()
    manager.load_clip()
    assert fetched == ["ViT-B/32"]
    assert loader.calls == [("ViT-B/32", clip_here)]


def test_load_clip_without_a_network_is_weights_missing_and_keeps_the_old_model(settings, loader, monkeypatch):
    def no_network(spec, folder, base_url=None):
        raise DownloadFailed("It could not be reached.", "Fetch it by hand.")
        yield

    monkeypatch.setattr(weights, "download", no_network)
    manager = ModelManager("builtin", settings, loader)
    with pytest.raises(WeightsMissing, match=r"could not be reached. Fetch it by hand."):
        manager.load_clip()
    assert manager.model_id == "builtin"


def test_a_clip_model_is_made_from_what_the_registry_says(settings, clip_here):
    spec = registry.spec("ViT-B/32-laion2b")
    model = load_model(spec, clip_here, settings)
    assert (model.model_id, model.dimensions, model.min_side) == ("ViT-B/32-laion2b", 512, 224)
    assert model.space == "ViT-B-32-laion2b-ac4f8c4b88af"


def test_a_segmenter_is_made_from_what_the_registry_says(settings: Settings, tmp_path: Path) -> None:
    made = [load_model(registry.spec(id_, "segment"), tmp_path / id_, settings) for id_ in ("mobile-sam", "sam-vit-b")]
    assert [(model.segmenter_id, model._preset, model._checkpoint.name) for model in made] == [
        ("mobile-sam", "mobile", "mobile-sam"),
        ("sam-vit-b", "quick", "sam-vit-b"),
    ]


def test_encode_one_and_many(settings, loader):
    manager = ModelManager("builtin", settings, loader)
    many = [colour_picture("red"), colour_picture("blue")] * BATCH
    one, all_of_them = manager.encode(many[0]), manager.encode(many)
    assert one.shape == (64,)
    assert all_of_them.shape == (len(many), 64)
    assert one.dtype == all_of_them.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(all_of_them, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(all_of_them[0], one)
    assert manager.encode([]).shape == (0, 64)


def test_encode_text_one_and_many(settings, loader):
    manager = ModelManager("builtin", settings, loader)
    many = [f"a red thing {n}" for n in range(BATCH + 3)]
    assert manager.encode_text("a red thing 0").shape == (64,)
    assert manager.encode_text(many).shape == (BATCH + 3, 64)
    assert manager.encode_text([]).shape == (0, 64)
    np.testing.assert_array_equal(manager.encode_text(many)[0], manager.encode_text("a red thing 0"))


def test_the_exif_orientation_is_applied_and_the_picture_left_as_it_was(settings, loader):
    upright = colour_picture("red", (64, 32), second="blue")
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    turned.getexif()[0x0112] = 6
    manager = ModelManager("builtin", settings, loader)
    assert manager.encode(turned) @ manager.encode(upright) > 0.999
    assert manager.encode(turned) @ manager.encode(upright.transpose(Image.Transpose.ROTATE_90)) < 0.9
    assert turned.size == (32, 64) and turned.getexif()[0x0112] == 6


MODES = [
    "1",
    "L",
    "LA",
    "La",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "RGBa",
    "RGBX",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
    "I",
    "I;16",
    "F",
]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_of_pillow_is_accepted(mode: str, settings, loader):
    source = Image.new("L", (40, 30), 200)
    via = {"PA": "P", "La": "LA", "RGBa": "RGBA", "LAB": "RGB"}.get(mode)
    picture = source.convert(via) if via else source.convert(mode)
    picture = Image.new("LAB", picture.size, (200, 128, 128)) if mode == "LAB" else picture.convert(mode)
    assert picture.mode == mode
    vector = ModelManager("builtin", settings, loader).encode(picture)
    assert abs(float(np.linalg.norm(vector)) - 1) < 1e-5


def test_transparency_is_laid_on_white():
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert to_rgb(clear).getpixel((3, 3)) == (255, 255, 255)
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 0])
    palette.info["transparency"] = 0
    assert to_rgb(palette).getpixel((3, 3)) == (255, 255, 255)


def test_sixteen_bits_are_scaled_not_clipped():
    deep = Image.fromarray(np.full((4, 4), 0x8000, dtype=np.uint16))
    assert to_rgb(deep).getpixel((0, 0)) == (127, 127, 127)
    assert to_rgb(Image.new("I", (4, 4), 200)).getpixel((0, 0)) == (200, 200, 200)
    floating = Image.fromarray(np.asarray([[0.0, 0.5, 1.0]], dtype=np.float32))
    assert [to_rgb(floating).getpixel((x, 0))[0] for x in range(3)] == [0, 127, 255]


def test_each_model_is_loaded_once_even_by_many_threads(settings, loader):
    manager = ModelManager("builtin", settings, loader)
    ready = threading.Barrier(8)

    def work():
        ready.wait()
        manager.embedder()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loader.calls) == 1


def test_unload_gives_the_model_back_and_the_next_use_loads_it_again(settings, loader):
    manager = ModelManager("builtin", settings, loader)
    manager.unload()
    manager.embedder()
    manager.unload("builtin")
    assert loader.made[0].unloaded
    manager.embedder()
    assert len(loader.calls) == 2


def test_idle_models_are_asked_to_give_back_what_was_not_used_for_ten_minutes(settings, loader, clip_here, monkeypatch):
    asked = []
    monkeypatch.setattr(FakeEmbedder, "unload", lambda self, idle=0.0: asked.append((self.model_id, idle)))
    manager = ModelManager(settings=settings, loader=loader)
    manager.unload_idle()
    assert asked == []
    manager.embedder("builtin")
    manager.embedder("ViT-B/32")
    manager.unload_idle()
    assert asked == [("builtin", 600.0), ("ViT-B/32", 600.0)]
    manager.embedder("builtin")
    assert len(loader.calls) == 2, "the model itself stays, so that its space and its remembered texts do"


def test_statuses_list_every_model_with_what_the_page_needs(settings, loader, clip_here):
    statuses = ModelManager(settings=settings, loader=loader).statuses(active="builtin")
    assert [s.id for s in statuses] == [s.id for s in registry.specs()]
    by_id = {s.id: s for s in statuses}
    assert by_id["builtin"].available and by_id["builtin"].active
    assert by_id["ViT-B/32"].available and not by_id["ViT-B/32"].active
    other = by_id["ViT-L/14"]
    assert (
        not other.available
        and other.download_bytes == 932_768_134
        and other.sha256 in other.url
        and other.file_name == "ViT-L-14.pt"
    )
    assert loader.calls == []


def test_downloading_what_is_here_is_nothing_to_do(settings, loader, clip_here):
    manager = ModelManager(settings=settings, loader=loader)
    assert list(manager.download("builtin")) == []
    assert list(manager.download("ViT-B/32")) == []


def test_a_models_query_bank_is_made_once_and_kept(settings, loader):
    manager = ModelManager("builtin", settings, loader)
    bank = manager.query_bank("builtin")
    assert bank.nothing.shape[1] == FakeEmbedder.dimensions and manager.query_bank("builtin") is bank
    (kept,) = settings.query_banks_dir.iterdir()
    kept.write_bytes(b"no bank at all")
    np.testing.assert_array_equal(ModelManager("builtin", settings, loader).query_bank("builtin").nothing, bank.nothing)
    assert query_bank.read(kept, FakeEmbedder.dimensions) is not None, "a damaged one is made again"


def test_device_and_precision_are_what_the_model_says_or_what_was_asked_for(settings, loader):
    manager = ModelManager("builtin", settings, loader)
    assert manager.runs_on() == ("CPU", "fp32")
    manager.embedder().device_name = "NVIDIA something"
    assert manager.runs_on()[0] == "NVIDIA something"
    clip = ModelManager("ViT-B/32", Settings(home=settings.home, device="cuda", precision="bf16"), loader)
    assert clip.runs_on() == ("cuda", "bf16")


def test_a_setting_that_the_built_in_model_does_not_heed_is_said(settings: Settings, loader, caplog) -> None:
    caplog.set_level("INFO")
    unheeded = [("cuda", "auto", "MFE_DEVICE=cuda"), ("auto", "bf16", "MFE_PRECISION=bf16")]
    for device, precision, said in [("auto", "auto", None), ("cpu", "fp32", None), *unheeded]:
        manager = ModelManager("builtin", Settings(home=settings.home, device=device, precision=precision), loader)
        notice = manager.unheeded("builtin")
        assert manager.unheeded("ViT-B/32") is None
        caplog.clear()
        manager.embedder()
        assert [record.message for record in caplog.records] == ([notice] if said else [])
        assert (
            notice is None
            if said is None
            else notice.startswith("The built-in model runs on the CPU in fp32") and said in notice
        )
        assert manager.runs_on() == ("CPU", "fp32")


def test_a_segmenter_whose_weights_are_not_here_says_where_to_get_them(settings: Settings) -> None:
    manager = ModelManager(settings=settings)
    with pytest.raises(WeightsMissing, match="MobileSAM") as caught:
        manager.segmenter("mobile-sam")
    assert "mobile_sam.pt" in str(caught.value) and str(settings.weights_dir) in str(caught.value)
    assert [status.available for status in manager.statuses("mobile-sam", "segment")] == [False] * 4
    assert [status.id for status in manager.statuses("mobile-sam", "segment") if status.active] == ["mobile-sam"]
    with pytest.raises(UnknownModel, match="sam-vit-b"):
        manager.segmenter("sam-vit-x")


def test_models_of_every_task_are_loaded_kept_and_given_back_alike(
    settings: Settings, loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"a segmenter"
    real = registry.spec("mobile-sam", "segment")
    small = ModelSpec(**{**vars(real), "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)})
    monkeypatch.setattr(registry, "_SPECS", tuple(small if s.id == real.id else s for s in registry._SPECS))
    settings.weights_dir.mkdir(parents=True)
    (settings.weights_dir / real.file_name).write_bytes(content)
    asked = []
    monkeypatch.setattr(FakeEmbedder, "unload", lambda self, idle=0.0: asked.append((self.model_id, idle)))
    manager = ModelManager("builtin", settings, loader)
    assert manager.load_sam() is manager.segmenter("mobile-sam")
    assert manager.embedder() is manager.embedder("builtin")
    assert loader.calls == [("mobile-sam", settings.weights_dir / real.file_name), ("builtin", None)]
    manager.unload_idle()
    assert asked == [("mobile-sam", 600.0), ("builtin", 600.0)]
    assert [status.available for status in manager.statuses("", "segment")] == [True, False, False, False]


def test_a_model_of_a_new_task_is_a_row_and_a_module(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("tests.captions")
    module.load = lambda spec, checkpoint, settings: FakeEmbedder(spec.id)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    shipped = registry.spec("builtin")
    row = ModelSpec(**{**vars(shipped), "task": "caption", "id": "teller", "module": module.__name__})
    monkeypatch.setattr(registry, "_SPECS", (*registry._SPECS, row))
    manager = ModelManager("builtin", settings)
    told = manager.loaded("caption", "teller")
    assert told is manager.loaded("caption", "teller") and told.model_id == "teller"
    assert [(status.id, status.available) for status in manager.statuses("", "caption")] == [("teller", True)]
    assert list(manager.download("teller")) == []
    manager.unload("teller")
    assert told.unloaded and manager.loaded("caption", "teller") is not told
    assert "teller" not in {spec.id for spec in registry.specs()}


def test_load_sam_without_a_network_raises_what_the_user_can_act_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise DownloadFailed("MobileSAM could not be downloaded.", "Put mobile_sam.pt by hand.")

    monkeypatch.setattr(weights, "download", fails)
    with pytest.raises(WeightsMissing, match="could not be downloaded"):
        ModelManager(settings=settings).load_sam()


def test_a_wrong_segmenter_file_is_refused_and_the_page_told(settings: Settings) -> None:
    settings.weights_dir.mkdir(parents=True)
    (settings.weights_dir / "mobile_sam.pt").write_bytes(b"not it")
    manager = ModelManager(settings=settings)
    with pytest.raises(WeightsCorrupt, match="mobile_sam"):
        manager.segmenter("mobile-sam")
    status = manager.statuses("", "segment")[0]
    assert not status.available and "mobile_sam" in status.about
