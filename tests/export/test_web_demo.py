"""The page in the browser: opened in headless Chromium, given a photo, it answers as export.classify does."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
def folder(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, written by somebody whose files are private."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed: no runtime for the browser")
    folder = tmp_path_factory.mktemp("web") / "demo"
    before = os.umask(0o077)
    try:
        web_demo.write_demo(model_file, folder)
    finally:
        os.umask(before)
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """The demo, served."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: the page is not opened")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--use-fake-device-for-media-stream"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(browser: Any, address: str) -> Any:
    """The page, ready; it may ask nobody but the server it came from."""
    page = browser.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    wait(page, "Ready.")
    yield page
    assert all(request.startswith((address, "blob:", "data:")) for request in requests)


def expect(locator: Any) -> Any:
    """Playwright's patience; strings of JavaScript that wait are nothing that the page's policy allows."""
    from playwright.sync_api import expect as patiently

    return patiently(locator)


def wait(page: Any, text: str, timeout: int = 120_000) -> None:
    expect(page.locator("#status")).to_contain_text(text, timeout=timeout)


def answer(page: Any, picture: Path) -> list[int]:
    """Gives the page a picture with a face; returns the percentages it shows."""
    page.set_input_files("#file", str(picture))
    expect(page.locator("#status")).to_have_attribute("data-kind", "plain", timeout=120_000)
    cells = page.locator("#probabilities tbody tr td:last-child").all_inner_texts()
    return [int(cell.split()[0]) for cell in cells]


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return pytest.importorskip("skimage.data").astronaut()[:320, 60:380]


def test_whoever_serves_the_folder_can_read_it(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)


def test_a_demo_is_replaced_once_the_new_one_is_whole(folder: Path, model_file: Path, monkeypatch) -> None:
    before = sorted(folder.rglob("*"))

    def fails(_: Path) -> None:
        raise UserError("npm cannot fetch it")

    monkeypatch.setattr(web_demo, "_fetch_runtime", fails)
    with pytest.raises(UserError, match="npm"):
        web_demo.write_demo(model_file, folder)
    assert sorted(folder.rglob("*")) == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "turned", "holes", "webp"])
def test_the_page_answers_as_a_device_does(
    page: Any, photo: np.ndarray, model_file: Path, tmp_path: Path, kind: str
) -> None:
    file, image, options = tmp_path / f"{kind}.png", Image.fromarray(photo), {}
    if kind == "turned":
        exif = Image.Exif()
        exif[0x0112] = 6
        file, image, options = tmp_path / "turned.jpg", image.rotate(90, expand=True), {"exif": exif, "quality": 97}
    if kind == "holes":
        opacity = np.tile(np.linspace(255, 60, photo.shape[1]).astype(np.uint8), (photo.shape[0], 1))
        image = Image.fromarray(np.dstack([photo, opacity]))
    if kind == "webp":
        file, options = tmp_path / "photo.webp", {"lossless": True}
    image.save(file, **options)
    classifier = classify.Classifier(str(model_file))
    expected = classifier.probabilities(classifier.find(classify.read_image(str(file))))
    assert answer(page, file) == pytest.approx([100 * value for value in expected.values()], abs=1.5)
    assert page.locator("#average").is_visible()
    assert "average face" in page.locator("#average figcaption").inner_text()


@pytest.mark.slow
def test_all_faces_of_a_group(page: Any, photo: np.ndarray, model_file: Path, tmp_path: Path) -> None:
    face = Image.fromarray(photo[10:250, 60:260])
    group = Image.new("RGB", (1200, 800), "grey")
    for number in range(12):
        side = 40 + 4 * number
        group.paste(face.resize((side * 5 // 6, side)), (60 + 280 * (number % 4), 60 + 240 * (number // 4)))
    group.save(tmp_path / "group.png")
    found = classify.Classifier(str(model_file)).detect(np.asarray(group), every=True)
    assert len(found) == 12
    answer(page, tmp_path / "group.png")
    styles = page.evaluate(
        "[...document.querySelectorAll('#faces button')].map(({style}) => [style.left, style.top].map(parseFloat))"
    )
    shown = sorted((12 * left, 8 * top) for left, top in styles)
    assert np.array(shown) == pytest.approx(np.array(sorted(tuple(one.box[:2]) for one in found)), abs=2)


@pytest.mark.slow
def test_nothing_of_the_picture_before_remains(page: Any, photo: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(photo).save(tmp_path / "face.png")
    Image.new("RGB", (320, 320), "grey").save(tmp_path / "nobody.png")
    (tmp_path / "text.png").write_text("not a picture")
    for picture, text in (("nobody.png", "No face found"), ("text.png", "text.png cannot be read")):
        answer(page, tmp_path / "face.png")
        assert page.locator("#probabilities").is_visible()
        page.set_input_files("#file", str(tmp_path / picture))
        wait(page, text)
        for part in ("#probabilities", "#average", "#faces button"):
            assert page.locator(part).count() == 0 or not page.locator(part).first.is_visible()
    answer(page, tmp_path / "face.png")
    page.set_input_files("#file", [])  # the dialog was cancelled
    assert page.locator("#probabilities").is_visible()


@pytest.mark.slow
def test_the_later_of_two_pictures_wins(page: Any, photo: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(photo).resize((1280, 1280)).save(tmp_path / "slow.png")
    Image.new("RGB", (64, 64), "grey").save(tmp_path / "quick.png")
    page.set_input_files("#file", str(tmp_path / "slow.png"))
    page.set_input_files("#file", str(tmp_path / "quick.png"))
    wait(page, "No face found")
    page.wait_for_timeout(3000)  # time for the answer about the first, which nobody waits for
    assert not page.locator("#probabilities").is_visible()
    assert "No face found" in page.locator("#status").inner_text()


@pytest.mark.slow
def test_the_camera_has_a_state(browser: Any, address: str) -> None:
    context = browser.new_context(permissions=["camera"])
    page = context.new_page()
    page.goto(address)
    wait(page, "Ready.")
    button = page.locator("#camera")
    assert button.inner_text() == "Start camera"
    button.click()
    expect(button).to_have_attribute("data-state", "on", timeout=60_000)
    assert button.inner_text() == "Stop camera"
    button.click()
    wait(page, "The camera is off.")
    assert (button.get_attribute("data-state"), button.inner_text()) == ("off", "Start camera")
    context.close()
    refused = browser.new_context(permissions=[])
    page = refused.new_page()
    page.goto(address)
    wait(page, "Ready.")
    page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = "
        "async () => { throw new DOMException('denied', 'NotAllowedError'); }; }"
    )
    page.locator("#camera").click()
    expect(page.locator("#status")).to_have_attribute("data-kind", "error", timeout=60_000)
    assert "camera" in page.locator("#status").inner_text().lower()
    assert page.locator("#camera").get_attribute("data-state") == "off"
    refused.close()


@pytest.mark.slow
def test_opened_without_a_server_it_says_how_to_serve_it(browser: Any, folder: Path) -> None:
    page = browser.new_page()
    page.goto((folder / "index.html").as_uri())
    expect(page.locator("#status")).to_have_attribute("data-kind", "error", timeout=30_000)
    assert "http.server" in page.locator("#status").inner_text()
    page.close()
