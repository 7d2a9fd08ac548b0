"""The page in the browser: opened in headless Chromium, it answers as export.classify does, and shows no old answer."""

from __future__ import annotations

import base64
import functools
import http.server
import io
import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from absl import flags
from PIL import Image, features

from export import classify, web_demo
from export.tflite import export_tflite
from ifgan_tf.data import templates
from ifgan_tf.errors import UserError
from ifgan_tf.faces import geometry, quality
from ifgan_tf.pretrained import MODEL
from ifgan_tf.run_folder import RunFolder

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

# What the page makes of a picture, before it is shown.
ANSWER = """async ([name, content]) => {
  const {Picture} = await import('./picture.js');
  const {align, modelView} = await import('./face.js');
  const {Recognizer} = await import('./recognizer.js');
  window.recognizer ??= await Recognizer.load();
  const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
  const picture = await Picture.open(new File([bytes], name));
  const {faces, main} = await recognizer.faces(picture);
  const {alignment, model} = recognizer.settings;
  const {probabilities} = await recognizer.expression(picture, faces[main]);
  const view = modelView(align(picture, faces[main].landmarks, alignment), model.working_size, model.image_size);
  return {size: [picture.width, picture.height], boxes: faces.map((face) => face.box), probabilities, view: [...view]};
}"""
# What the page says of an aligned face.
QUALITY = """async ([pixels, side, landmarks]) => {
  const {assess} = await import('./quality.js');
  const data = Uint8ClampedArray.from(atob(pixels), (c) => c.charCodeAt(0));
  const settings = await (await fetch('settings.json')).json();
  return assess({data, width: side, height: side}, landmarks, settings.quality);
}"""
# A file, or none, that is dropped or pasted.
HAND_OVER = """([kind, names]) => {
  const data = new DataTransfer();
  for (const name of names) data.items.add(new File(['not a picture'], name));
  const event = {bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data};
  document.body.dispatchEvent(new {drop: DragEvent, paste: ClipboardEvent}[kind](kind, event));
}"""
SHOWN = """() => ['probabilities', 'average', 'frame'].filter((id) =>
  getComputedStyle(document.getElementById(id)).display !== 'none' &&
  document.getElementById(id).getClientRects().length)"""
ALL = ["probabilities", "average", "frame"]

# Where MTCNN sees eyes, nose tip and mouth corners in `photo`.
LANDMARKS = np.array([[143.4, 99.7], [186.3, 103.2], [164.2, 126.9], [141.0, 138.3], [184.3, 141.1]], np.float32)


def shrunk(photo: np.ndarray, scale: float) -> np.ndarray:
    return cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def blurred(photo: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(photo, (0, 0), sigma)


def lit(photo: np.ndarray, share: float) -> np.ndarray:
    return np.clip(photo * share, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def model_file(make_run: Callable[..., RunFolder], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a run whose faces are aligned to other points than this project's."""
    run = make_run()
    templates.save(geometry.TEMPLATE + np.array([[-9, -4], [9, -4], [0, 6]], np.float32), run.template_file)
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


def _no_runtime(folder: Path) -> None:
    (folder / "wasm").mkdir(parents=True)
    for name in ("core.js", "wasm/runtime.wasm"):
        (folder / name).write_text("the browser's runtime")


def test_modes_and_replacing(model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_demo, "_fetch_runtime", _no_runtime)
    demo = tmp_path / "demo"
    before = os.umask(0o077)
    try:
        web_demo.write_demo(model_file, demo)
    finally:
        os.umask(before)
    modes = {path.is_dir(): set[int]() for path in (demo, demo / "index.html")}
    for path in (demo, *demo.rglob("*")):
        modes[path.is_dir()].add(stat.S_IMODE(path.stat().st_mode))
    assert modes == {True: {0o755}, False: {0o644}}

    (demo / "index.html").write_text("old")
    names, inode = {path.relative_to(demo) for path in demo.rglob("*")}, demo.stat().st_ino
    gone, done = list[Path](), threading.Event()

    def watch() -> None:
        while not done.is_set():
            gone.extend(name for name in names if not (demo / name).exists())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        web_demo.write_demo(model_file, demo)
    finally:
        done.set()
        watcher.join()
    assert not gone
    assert demo.stat().st_ino == inode  # a server that holds the folder open goes on with it
    assert (demo / "index.html").read_text() != "old"
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]

    def fails(_: Path) -> None:
        raise UserError("npm cannot fetch it")

    (demo / "index.html").write_text("old")
    monkeypatch.setattr(web_demo, "_fetch_runtime", fails)
    with pytest.raises(UserError, match="npm"):
        web_demo.write_demo(model_file, demo)
    assert (demo / "index.html").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_the_model_that_ships_is_taken_when_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = flags.FlagValues()
    for name in ("model", "output"):
        flags.DEFINE_string(name, "", "", flag_values=values)
    values(["web_demo", f"--output={tmp_path / 'demo'}"])
    monkeypatch.setattr(flags, "FLAGS", values)
    monkeypatch.setattr(web_demo, "_fetch_runtime", _no_runtime)
    web_demo.main([])
    assert (tmp_path / "demo" / "model.tflite").read_bytes() == MODEL.read_bytes()


@pytest.fixture(scope="module")
def demo(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("npm"):
        pytest.skip("npm is not installed: no runtime for the browser")
    folder = tmp_path_factory.mktemp("web") / "demo"
    web_demo.write_demo(model_file, folder)
    return folder


@pytest.fixture(scope="module")
def address(demo: Path) -> Iterator[str]:
    """The demo, served."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(demo)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """uint8 RGB [320, 320, 3] with one face."""
    return pytest.importorskip("skimage.data").astronaut()[:320, 60:380]


@pytest.fixture(scope="module")
def pictures(photo: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, image = tmp_path_factory.mktemp("pictures"), Image.fromarray(photo)
    image.save(folder / "face.png")
    image.save(folder / "photo.webp", quality=90)
    image.save(folder / "photo.gif")
    if features.check("avif"):
        image.save(folder / "photo.avif", quality=90)
    cv2.imwrite(str(folder / "deep.png"), photo[:, :, ::-1].astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.crop((0, 0, 300, 320)).transpose(Image.Transpose.ROTATE_90).save(folder / "turned.jpg", quality=95, exif=exif)
    alpha = np.full((320, 320, 1), 160, np.uint8)
    alpha[:, :40], alpha[280:] = 0, 0
    Image.fromarray(np.concatenate([photo, alpha], axis=2)).save(folder / "alpha.png")
    group = np.full((483, 641, 3), (96, 110, 120), np.uint8)
    for number in range(12):
        side, x, y = 84 + number * 2, 40 + number % 4 * 145, 30 + number // 4 * 150
        group[y : y + side, x : x + side] = cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA)
    Image.fromarray(group).save(folder / "group.png")
    Image.fromarray(lit(photo, 0.15)).save(folder / "dark.png")
    Image.fromarray(blurred(photo, 6)).save(folder / "blurred.png")
    Image.fromarray(np.concatenate([photo, blurred(photo, 6)], axis=1)).save(folder / "sharp_and_blurred.png")
    Image.new("RGB", (320, 320), "grey").save(folder / "nobody.png")
    (folder / "text.png").write_text("not a picture")
    Image.new("1", (2**14, 2**13 + 1)).save(folder / "huge.png")
    return folder


@pytest.fixture(scope="module")
def film(photo: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the browser's camera shows when it is started."""
    path = tmp_path_factory.mktemp("camera") / "face.mjpeg"
    _shoot(path, photo)
    return path


def _shoot(film: Path, image: np.ndarray) -> None:
    frame = io.BytesIO()
    Image.fromarray(image).save(frame, "JPEG")
    film.write_bytes(frame.getvalue() * 5)


@pytest.fixture(scope="module")
def browser(film: Path) -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: the page is not opened")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    fake = ("fake-device-for-media-stream", "fake-ui-for-media-stream", f"file-for-fake-video-capture={film}")
    arguments = ["--no-sandbox", *(f"--use-{what}" for what in fake)]
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield opened
        opened.close()


class Page:
    """The page, and what a person sees of it."""

    def __init__(self, page: Any, pictures: Path) -> None:
        self.page, self._pictures = page, pictures

    def choose(self, name: str) -> None:
        self.page.set_input_files("#file", str(self._pictures / name))

    def says(self, text: str) -> None:
        self.page.wait_for_function(
            "text => document.querySelector('#status').innerText.includes(text)", arg=text, timeout=30_000
        )

    def answers(self) -> dict[str, str]:
        """Waits for an answer; the table's rows."""
        self.page.wait_for_selector("#probabilities", state="visible", timeout=30_000)
        rows = "[...document.querySelectorAll('#probabilities tr')]"
        return dict(self.page.evaluate(f"{rows}.map(({{cells}}) => [cells[0].innerText, cells[2].innerText])"))

    @property
    def label(self) -> str:
        """The headline, which is that of an answer where there is one."""
        return self.page.inner_text("#status strong")

    @property
    def shown(self) -> list[str]:
        return self.page.evaluate(SHOWN)

    @property
    def cameras(self) -> list[str]:
        """The state of every camera's track that the page ever had."""
        return self.page.evaluate("streams.flatMap((s) => s.getTracks().map((t) => t.readyState))")


@pytest.fixture(scope="module")
def opened(browser: Any, address: str, pictures: Path) -> Iterator[Page]:
    """The page, ready. It asked nobody but its own server for anything, and raised nothing, when the tests are over."""
    page = browser.new_page()
    requests, errors = list[str](), list[str]()
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script("""window.streams = [];
        const {getUserMedia} = MediaDevices.prototype;
        MediaDevices.prototype.getUserMedia = async function (wanted) {
          if (window.refusal) throw new DOMException('no', refusal);
          const stream = await getUserMedia.call(this, wanted);
          streams.push(stream);
          return stream;
        };""")
    page.goto(address)
    opened = Page(page, pictures)
    opened.says("Ready.")
    yield opened
    assert all(request.startswith((address, "blob:")) for request in requests)
    assert not errors


@pytest.fixture(scope="module")
def modules(browser: Any, address: str) -> Iterator[Any]:
    """Where the page's modules can be imported, without the page: the runtime loads once in a document."""
    page = browser.new_page()
    page.goto(f"{address}settings.json")
    yield page
    page.close()


@pytest.mark.parametrize(
    "name",
    ["face.png", "deep.png", "alpha.png", "turned.jpg", "photo.webp", "photo.gif", "photo.avif", "group.png"],
)
def test_same_answer_as_python(modules: Any, pictures: Path, model_file: Path, name: str) -> None:
    if not (pictures / name).exists():
        pytest.skip("this Pillow writes no AVIF")
    content = base64.b64encode((pictures / name).read_bytes()).decode()
    answer = modules.evaluate(ANSWER, [name, content])

    classifier, image = classify.Classifier(str(model_file)), classify.read_image(str(pictures / name))
    assert answer["size"] == [image.shape[1], image.shape[0]]
    faces = classifier._cascade.detect(image)
    assert len(answer["boxes"]) == len(faces) == (12 if name == "group.png" else 1)
    for face in faces:
        corners = np.concatenate([face.box[:2], face.box[:2] + face.box[2:]])
        assert min(np.abs(corners - box).max() for box in np.array(answer["boxes"])) < 1.5
    best = classify.best_face(faces, image.shape)
    assert best is not None
    view = classifier.view(classify.align(image, best.landmarks, classifier.template))
    difference = np.abs(np.array(answer["view"]).reshape(view.shape) - view.astype(float))
    assert difference.mean() < 2  # of 255: decoders of JPEG and WebP differ by a little
    expected = list(classifier.run(view).probabilities.values())
    assert answer["probabilities"] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("change", "scale", "nose", "words", "unreadable"),
    [
        (lambda photo: photo, 1, 0, [], False),
        (lambda photo: shrunk(photo, 0.25), 0.25, 0, ["small"], False),
        (lambda photo: shrunk(photo, 0.15), 0.15, 0, ["small"], True),
        (lambda photo: blurred(photo, 4), 1, 0, ["blurred"], False),
        (lambda photo: blurred(photo, 6), 1, 0, ["blurred"], True),
        (lambda photo: lit(photo, 0.15), 1, 0, ["dark"], False),
        (lambda photo: lit(photo, 0.05), 1, 0, ["dark"], True),
        (lambda photo: lit(photo, 1.5), 1, 0, ["bright"], False),
        (lambda photo: lit(photo, 2.2), 1, 0, ["bright"], True),
        (lambda photo: photo, 1, -20, ["turned"], False),
        (lambda photo: photo, 1, 40, ["turned"], True),
    ],
)
def test_same_quality_as_python(
    modules: Any,
    photo: np.ndarray,
    change: Callable[[np.ndarray], np.ndarray],
    scale: float,
    nose: float,
    words: list[str],
    unreadable: bool,
) -> None:
    landmarks = ((LANDMARKS + 0.5) * scale - 0.5).astype(np.float32)
    landmarks[2, 0] += nose
    face = geometry.align(change(photo), landmarks)
    said = modules.evaluate(QUALITY, [base64.b64encode(face.tobytes()).decode(), len(face), landmarks.tolist()])

    expected = quality.assess(face, landmarks)
    assert (said["words"], said["unreadable"]) == (words, unreadable)
    assert (expected.words, expected.unreadable) == (tuple(words), unreadable)
    near = {"size": 1e-3, "sharpness": 0.01, "brightness": 1, "overexposed": 0.01, "yaw": 0.01, "pitch": 0.01}
    for figure, tolerance in near.items():
        assert said["figures"][figure] == pytest.approx(getattr(expected, figure), abs=tolerance), figure


def test_poor_and_unreadable_faces(opened: Page) -> None:
    opened.choose("dark.png")
    opened.says("The face is dark: trust this less. One face found.")
    assert opened.label in opened.answers()
    assert opened.shown == ALL
    opened.choose("blurred.png")
    opened.says("Too blurred to be read. One face found.")
    assert (opened.label, opened.shown) == ("uncertain", ["frame"])


def test_a_readable_face_beside_another(opened: Page) -> None:
    opened.choose("sharp_and_blurred.png")
    sharp, other = (f"#faces button[aria-label='Face {number} of 2']" for number in (1, 2))
    for _ in range(2):
        opened.page.click(other)
        opened.says("Too blurred to be read. Face 2 of 2")
        assert (opened.label, opened.shown) == ("uncertain", ["frame"])
        opened.page.click(sharp)
        opened.says("Face 1 of 2")
        assert opened.label in opened.answers()
        assert opened.shown == ALL


@pytest.mark.parametrize(
    ("name", "text", "left"),
    [
        ("nobody.png", "No face found", ["frame"]),
        ("text.png", "text.png cannot be read", []),
        ("huge.png", "huge.png is too large", []),
    ],
)
def test_nothing_is_left_of_the_picture_before(opened: Page, name: str, text: str, left: list[str]) -> None:
    opened.choose("face.png")
    opened.answers()
    assert opened.shown == ALL
    opened.choose(name)
    opened.says(text)
    assert opened.shown == left
    assert not opened.page.query_selector_all("#faces button")


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_handed_over(opened: Page, kind: str) -> None:
    opened.choose("face.png")
    opened.answers()
    opened.page.evaluate(HAND_OVER, [kind, [f"{kind}.png"]])
    opened.says(f"{kind}.png cannot be read")
    assert opened.shown == []


def test_something_else_than_a_file(opened: Page) -> None:
    opened.choose("face.png")
    rows = opened.answers()
    opened.page.evaluate(HAND_OVER, ["paste", []])  # a text, say
    assert (opened.shown, opened.answers()) == (ALL, rows)
    opened.page.evaluate(HAND_OVER, ["drop", []])
    opened.says("Only a file can be dropped here.")


def test_empty_choice(opened: Page) -> None:
    opened.choose("face.png")
    rows = opened.answers()
    opened.page.dispatch_event("#file", "change")
    opened.page.wait_for_timeout(200)
    assert (opened.shown, opened.answers()) == (ALL, rows)


def test_slower_earlier_answer(opened: Page) -> None:
    opened.choose("face.png")
    rows = opened.answers()
    opened.choose("group.png")
    opened.choose("face.png")
    opened.says("One face found.")
    opened.page.wait_for_timeout(2000)
    assert opened.answers() == rows
    assert len(opened.page.query_selector_all("#faces button")) == 1
    opened.choose("group.png")
    opened.choose("nobody.png")
    opened.says("No face found")
    opened.page.wait_for_timeout(2000)
    assert opened.shown == ["frame"]


def test_another_face(opened: Page) -> None:
    opened.choose("group.png")
    opened.says("of 12")
    box = opened.page.query_selector("#faces button[aria-pressed=false]")
    box.press("Enter")
    opened.says(box.get_attribute("aria-label"))
    assert len(opened.page.query_selector_all("#faces button[aria-pressed=true]")) == 1


def _camera_state(opened: Page, state: str) -> None:
    opened.page.wait_for_selector(f"#camera[data-state={state}]", timeout=10_000)


def _stopped_by_button(opened: Page) -> None:
    opened.page.click("#camera")
    opened.says("The camera is off.")
    assert opened.shown == []


def _stopped_by_file(opened: Page) -> None:
    opened.choose("nobody.png")
    opened.says("No face found")


def _stopped_by_leaving(opened: Page) -> None:
    hide = "hidden => Object.defineProperty(document, 'hidden', {value: hidden, configurable: true})"
    opened.page.evaluate(hide, True)
    opened.page.dispatch_event("html", "visibilitychange")
    opened.says("It was stopped when you left this page.")
    opened.page.evaluate(hide, False)


@pytest.mark.parametrize("stop", [_stopped_by_button, _stopped_by_file, _stopped_by_leaving])
def test_camera(opened: Page, stop: Callable[[Page], None]) -> None:
    opened.page.click("#camera")
    _camera_state(opened, "on")
    assert opened.page.inner_text("#camera") == "Stop camera"
    opened.says("Live from the camera.")
    assert opened.shown == ALL
    assert opened.cameras[-1] == "live"
    stop(opened)
    _camera_state(opened, "off")
    assert opened.page.inner_text("#camera") == "Start camera"
    assert set(opened.cameras) == {"ended"}


def test_unreadable_face_before_the_camera(opened: Page, film: Path, photo: np.ndarray) -> None:
    _shoot(film, blurred(photo, 6))
    opened.page.click("#camera")
    opened.says("Too blurred to be read. Live from the camera.")
    assert (opened.label, opened.shown) == ("uncertain", ["frame"])
    _stopped_by_button(opened)
    _shoot(film, photo)


@pytest.mark.parametrize(
    ("refusal", "text"),
    [("NotAllowedError", "refused"), ("NotFoundError", "no camera"), ("NotReadableError", "cannot be read")],
)
def test_no_camera(opened: Page, refusal: str, text: str) -> None:
    opened.choose("face.png")
    opened.answers()
    opened.page.evaluate("refusal => { window.refusal = refusal; }", refusal)
    opened.page.click("#camera")
    opened.says(text)
    _camera_state(opened, "off")
    assert opened.shown == []
    opened.page.evaluate("() => { window.refusal = ''; }")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(browser: Any, address: str, pictures: Path, scheme: str) -> None:
    with browser.new_context(viewport={"width": 360, "height": 700}, color_scheme=scheme) as context:
        opened = Page(context.new_page(), pictures)
        opened.page.goto(address)
        opened.says("Ready.")
        opened.choose("face.png")
        opened.answers()
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 360
        ground = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, ground[4:-1].split(","))) < 3 * 128) == (scheme == "dark")
        assert opened.page.is_visible("#average figcaption")


def test_model_that_cannot_be_loaded(browser: Any, address: str, demo: Path, pictures: Path) -> None:
    with browser.new_context() as context:
        opened = Page(context.new_page(), pictures)
        opened.page.goto((demo / "index.html").as_uri())
        opened.says("This page must come from a web server.")
        for missing, text in (("model.tflite", "model.tflite is not there"), ("face.js", "A file of this page is")):
            opened.page.route(f"**/{missing}", lambda route: route.fulfill(status=404))
            opened.page.goto(address)
            opened.says(text)
            assert opened.page.is_disabled("#file")
            assert opened.page.is_disabled("#camera")
            opened.page.unroute(f"**/{missing}")
