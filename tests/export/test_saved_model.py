"""The SavedModel: loaded and asked without this project, it answers as Keras does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf

from export.request_decoding import model_view
from export.saved_model import export_saved_model
from ifgan_tf.data.images import encode_png
from ifgan_tf.errors import UserError
from ifgan_tf.faces import geometry
from ifgan_tf.recognition.runtimes import open_runtime
from ifgan_tf.run_folder import RunFolder

ASK_WITHOUT_PROJECT = """
import json, sys
import numpy as np, tensorflow as tf
assert not [name for name in sys.modules if name.startswith("ifgan_tf")]
model = tf.saved_model.load(sys.argv[1])
png = [open(name, "rb").read() for name in sys.argv[2:]]
answer = model.signatures["generate"](image_bytes=tf.constant(png))
plain = model.signatures["serving_default"](image_bytes=tf.constant(png))
np.testing.assert_array_equal(answer["probabilities"], plain["probabilities"])
face = tf.io.decode_png(answer["generated_bytes"][0])
print(json.dumps({
    "probabilities": answer["probabilities"].numpy().tolist(),
    "label": [name.decode() for name in plain["label"].numpy()],
    "label_id": plain["label_id"].numpy().tolist(),
    "face": face.numpy().tolist(),
}))
"""


@pytest.fixture(scope="module")
def photos(smooth_noise: Callable[..., np.ndarray]) -> list[np.ndarray]:
    generator = np.random.default_rng(3)
    return [smooth_noise(generator, side) for side in (256, 100, 40, 30)]


def test_a_process_without_the_project_gets_what_keras_says(
    run: RunFolder, version: Path, photos: list[np.ndarray], tmp_path: Path
) -> None:
    files = []
    for number, photo in enumerate(photos):
        files.append(tmp_path / f"{number}.png")
        files[-1].write_bytes(encode_png(photo))
    answer = json.loads(
        subprocess.run(
            [sys.executable, "-c", ASK_WITHOUT_PROJECT, str(version), *map(str, files)],
            cwd=tmp_path,
            capture_output=True,
            check=True,
            text=True,
        ).stdout
    )
    views = np.stack([geometry.model_view(photo, 32) for photo in photos])
    keras_says = run.inference()(views.astype(np.float32), training=False)
    # Resampling may differ by one grey level a pixel.
    np.testing.assert_allclose(answer["probabilities"], keras_says["probabilities"], atol=5e-3)
    difference = np.abs(np.array(answer["face"], int) - keras_says["average_face"][0].numpy().astype(int))
    assert difference.max() <= 2
    assert answer["label_id"] == np.argmax(keras_says["probabilities"], axis=1).tolist()
    assert answer["label"] == [run.classes()[index] for index in answer["label_id"]]


def test_tensor_signatures_equal_keras(run: RunFolder, version: Path, photos: list[np.ndarray]) -> None:
    views = np.stack([geometry.model_view(photo, 32) for photo in photos])
    signatures = tf.saved_model.load(str(version)).signatures
    keras_says = run.inference()(views.astype(np.float32), training=False)
    for name in ("tensors", "generate_tensors"):
        answer = signatures[name](images=tf.constant(views))
        np.testing.assert_allclose(answer["probabilities"], keras_says["probabilities"], atol=1e-5)
    face = answer["average_face"].numpy().astype(int)
    assert np.abs(face - keras_says["average_face"]).max() <= 1


def test_red_stays_red(version: Path) -> None:
    signatures = tf.saved_model.load(str(version)).signatures
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 255
    of_pixels = signatures["tensors"](images=tf.constant(red[None]))["probabilities"]
    png = encode_png(cv2.resize(red, (256, 256)))
    jpeg = cv2.imencode(".jpg", cv2.resize(red, (256, 256))[:, :, ::-1])[1].tobytes()
    of_bytes = signatures["serving_default"](image_bytes=tf.constant([png, jpeg]))["probabilities"]
    np.testing.assert_allclose(of_bytes[0], of_pixels[0], atol=1e-5)
    np.testing.assert_allclose(of_bytes[1], of_pixels[0], atol=1e-2)
    of_blue = signatures["tensors"](images=tf.constant(red[None, ..., ::-1]))["probabilities"]
    assert np.abs(of_blue - of_pixels).max() > 1e-3


def test_labels_are_an_asset(run: RunFolder, version: Path) -> None:
    assert tuple((version / "assets" / "labels.txt").read_text().split()) == run.classes()


@pytest.mark.parametrize("image_size", [32, 64, 96, 128, 224, 256])
@pytest.mark.parametrize("shape", [(256, 256), (100, 100), (300, 260), (512, 512), (20, 400)])
def test_graph_resampling_is_the_projects_own(image_size: int, shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    ours = geometry.model_view(image, image_size).astype(int)
    graph = tf.function(model_view)(tf.constant(image), image_size).numpy().astype(int)
    assert np.abs(ours - graph).max() <= 1


def test_versions_count_up_and_nothing_else_is_left(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "9").mkdir()
    assert export_saved_model(run, tmp_path).name == "10"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["10", "9"]


def test_any_name_of_a_folder_and_no_faces_at_all(run: RunFolder, tmp_path: Path) -> None:
    version = export_saved_model(run, tmp_path / "[1] é {a,b} *")
    runtime = open_runtime(version)
    for count in (0, 3):
        probabilities, average_faces = runtime.run(np.zeros((count, 32, 32, 3), np.uint8))
        assert probabilities.shape == (count, 7)
        assert average_faces is not None
        assert average_faces.shape == (count, 32, 32, 3)


def test_run_in_mixed_precision_is_exported_in_float32(make_run: Callable[..., RunFolder]) -> None:
    model = make_run(mixed_precision=True).inference()
    assert {layer.compute_dtype for layer in model.get_layer("generator").layers} == {"float32"}


def test_output_that_cannot_be_written(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--output"):
        export_saved_model(run, tmp_path / "file")
    with pytest.raises(UserError, match="--output"):
        export_saved_model(run, tmp_path / "file" / "below")


def test_full_disk_leaves_nothing(run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(module: object, folder: str, **_: object) -> None:
        (Path(folder) / "variables").mkdir(parents=True)
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", full)
    with pytest.raises(UserError, match="No space left"):
        export_saved_model(run, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_run_without_checkpoint(make_run: Callable[..., RunFolder], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(make_run().config_file.read_text())
    with pytest.raises(UserError, match="checkpoint"):
        export_saved_model(RunFolder(tmp_path), tmp_path / "out")


def test_a_baseline_without_average_faces(make_run: Callable[..., RunFolder], tmp_path: Path) -> None:
    run = make_run("input")
    shutil.rmtree(run.average_faces_dir)
    version = export_saved_model(run, tmp_path / "export")
    assert (version / "saved_model.pb").is_file()
