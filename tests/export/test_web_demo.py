"""The page in the browser: opened in headless Chromium, given a photo, it answers as export.classify does."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export import classify, web_demo
from export.tflite import export_tflite
from ifgan_tf.errors import UserError
from ifgan_tf.run_folder import RunFolder

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def model_file(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tflite")
    export_tflite(run, folder, parity_images=0)
    return folder / "ifgan_float32.tflite"


def test_levels_are_those_of_the_detector() -> None:
    levels = web_demo.levels(320)
    assert [level["side"] for level in levels] == [48, 34, 24, 17, 12]
    assert all(classify.WINDOW / level["scale"] >= 64 for level in levels)


def test_models_and_folders_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "text.tflite").write_text("not a model")
    for name in ("text.tflite", "missing.tflite"):
        with pytest.raises(UserError, match="--model"):
            web_demo.write_demo(tmp_path / name, tmp_path / "demo")
    assert not (tmp_path / "demo").exists()


def test_other_folders_are_left_alone(model_file: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(UserError, match="--output"):
        web_demo.write_demo(model_file, tmp_path)
    assert (tmp_path / "mine.txt").exists()


def test_without_npm(model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="npm"):
        web_demo.write_demo(model_file, tmp_path / "demo")
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def address(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo, served."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed: no runtime for the browser")
    folder = tmp_path_factory.mktemp("web") / "demo"
    web_demo.write_demo(model_file, folder)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the page is not opened")
def test_photo_in_headless_chromium(address: str, model_file: Path, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    photo = pytest.importorskip("skimage.data").astronaut()[:320, 60:380]  # as large as the page looks at
    Image.fromarray(photo).save(tmp_path / "astronaut.png")
    Image.new("RGB", (320, 320), "grey").save(tmp_path / "nobody.png")
    (tmp_path / "text.png").write_text("not a picture")

    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto(address)
        status = page.locator("#status")
        playwright.expect(status).to_have_text("Ready.", timeout=120_000)
        page.set_input_files("#file", str(tmp_path / "astronaut.png"))
        playwright.expect(page.locator("#probabilities tr")).to_have_count(7, timeout=120_000)
        result = page.evaluate("({face: lastResult.face, probabilities: lastResult.probabilities})")
        assert page.locator("#average").is_visible()
        page.set_input_files("#file", str(tmp_path / "nobody.png"))
        playwright.expect(status).to_contain_text("No face", timeout=60_000)
        page.set_input_files("#file", str(tmp_path / "text.png"))
        playwright.expect(status).to_contain_text("not a picture", timeout=60_000)
        browser.close()

    classifier = classify.Classifier(str(model_file))
    face = classify.best_face(classifier._detector.detect(photo), photo.shape)
    assert face is not None
    np.testing.assert_allclose(result["face"]["landmarks"], face.landmarks, atol=0.5)
    expected = classifier.probabilities(classify.align(photo, face.landmarks))
    assert result["probabilities"] == pytest.approx(expected, abs=0.01)
    assert all(request.startswith((address, "blob:", "data:")) for request in requests)
