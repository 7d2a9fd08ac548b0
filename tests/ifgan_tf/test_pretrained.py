"""The model that ships: what is in it, what takes it, what it needs, and that it is shipped."""

from __future__ import annotations

import json
import logging
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from PIL import Image

import ifgan_tf
from ifgan_tf import predict as predict_lib
from ifgan_tf import pretrained
from ifgan_tf.labels import EXPRESSIONS
from ifgan_tf.recognition import INSTALL
from ifgan_tf.recognition.recognizer import Recognizer

ROOT = Path(__file__).parents[2]
MAX_BYTES = 8 << 20
# Runs a module, or a line of Python, where nothing can be imported but Python's own and what `argv[1]` lists.
WITHOUT_OTHERS = """
import json, runpy, sys
class Others:
    def find_spec(name, path, target=None):
        if path is None and name not in allowed:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
allowed = {*json.loads(sys.argv[1]), *sys.stdlib_module_names, "ifgan_tf"}
sys.meta_path.insert(0, Others)
sys.argv[1:] = sys.argv[2:]
"""
PREDICT = f"{WITHOUT_OTHERS}runpy.run_module('ifgan_tf.predict', run_name='__main__', alter_sys=True)"
RECOGNIZE = f"{WITHOUT_OTHERS}import ifgan_tf; print(ifgan_tf.Recognizer().predict(sys.argv[1])[0].label)"

# What of the heavy libraries is there after all, where all may be imported.
HEAVY = ("keras", "matplotlib", "mtcnn", "sklearn", "tensorflow", "tensorflow_datasets")
IMPORTED = f"print('imported:', *sorted(set({HEAVY}) & set(sys.modules)))"
FREELY_PREDICT = f"""
import runpy, sys
try:
    runpy.run_module('ifgan_tf.predict', run_name='__main__', alter_sys=True)
finally:
    {IMPORTED}
"""
FREELY_RECOGNIZE = f"import sys, ifgan_tf; assert ifgan_tf.Recognizer().predict(sys.argv[1]); {IMPORTED}"


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person who smiles."""
    file = tmp_path_factory.mktemp("photo") / "astronaut.png"
    Image.fromarray(pytest.importorskip("skimage.data").astronaut()).save(file)
    return file


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return ifgan_tf.Recognizer()


@pytest.fixture(scope="module")
def light() -> list[str]:
    """Names of all modules that requirements-light.txt installs, with what those packages require."""
    lines = (ROOT / "requirements-light.txt").read_text(encoding="utf-8").splitlines()
    waiting, packages = [line for line in lines if not line.startswith("#")], set[str]()
    while waiting:
        name = _normal(waiting.pop())
        if name not in packages and "tensorflow" not in name:
            packages.add(name)
            waiting += _required(name)
    owners = metadata.packages_distributions().items()
    return [module for module, distributions in owners if packages & set(map(_normal, distributions))]


def _required(name: str) -> list[str]:
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:  # of another system
        return []
    return [re.split(r"[^\w.-]", line)[0] for line in lines if "extra ==" not in line]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_it_is_small_draws_and_names_the_seven(recognizer: Recognizer) -> None:
    assert pretrained.MODEL.stat().st_size <= MAX_BYTES
    assert (recognizer.kind, recognizer.labels) == ("tflite", EXPRESSIONS)
    with zipfile.ZipFile(pretrained.MODEL) as package:
        facts = json.loads(package.read("metadata.json"))
    assert facts["classifier_input"] == "generated"  # the only one that may be called identity-free
    assert "average_face" in facts["outputs"]


def test_who_smiles_is_happy(recognizer: Recognizer, photo: Path) -> None:
    (face,) = recognizer.predict(photo)
    assert face.label == "happiness" and face.average_face is not None


def test_recognizer_needs_no_tensorflow(light: list[str], photo: Path) -> None:
    assert "cv2" in light and not set(HEAVY) & set(light)
    done = run(RECOGNIZE, json.dumps(light), photo)
    assert (done.returncode, done.stdout) == (0, "happiness\n"), done.stderr


def test_predict_needs_no_tensorflow(light: list[str], photo: Path, tmp_path: Path) -> None:
    done = run(PREDICT, json.dumps(light), photo, f"--output={tmp_path}")
    copy = tmp_path / "annotated" / photo.name
    answer = rf"{re.escape(str(photo))}: happiness \d+%, drawn in {re.escape(str(copy))}"
    assert done.returncode == 0 and re.fullmatch(answer, done.stderr.splitlines()[0]), done.stderr
    assert copy.is_file()
    assert [file.name for file in (tmp_path / "average_faces").iterdir()] == ["astronaut_0.png"]


def test_what_is_installed_all_the_same_is_not_imported(photo: Path, tmp_path: Path) -> None:
    for done in (run(FREELY_RECOGNIZE, photo), run(FREELY_PREDICT, photo, f"--output={tmp_path}")):
        assert (done.returncode, done.stdout) == (0, "imported:\n"), done.stderr


def test_without_litert_it_says_what_to_install(light: list[str], photo: Path, tmp_path: Path) -> None:
    others = [name for name in light if name != "ai_edge_litert"]
    done = run(PREDICT, json.dumps(others), photo, f"--output={tmp_path}")
    assert done.returncode == 2
    assert done.stderr == f"error: No module named 'ai_edge_litert'; this needs: {INSTALL}\n"


def test_two_models_are_one_too_many(photo: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ifgan_tf.predict", "--workdir=a", "--model=b", str(photo), f"--output={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "either --workdir=RUN or --model=EXPORT" in done.stderr


def test_answers_are_told_of_a_few_images(
    recognizer: Recognizer, photo: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    counts = predict_lib.predict(recognizer, [str(photo)], tmp_path, annotate=False)
    count = counts[str(photo)]
    assert re.fullmatch(r"happiness \d+%", count.answer)
    predict_lib.report(counts, tmp_path)
    assert f"{photo}: {count.answer}" in caplog.messages
    caplog.clear()
    predict_lib.report({str(number): count for number in range(predict_lib.MOST_TOLD + 1)}, tmp_path)
    assert len(caplog.messages) == 1


def test_wheel_and_source_distribution_hold_it(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "ifgan_tf", tree / "ifgan_tf", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    code = "from setuptools import build_meta as build; print(build.build_wheel('..'), build.build_sdist('..'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tree, capture_output=True, text=True, check=True)
    wheel, source = done.stdout.split()[-2:]
    with zipfile.ZipFile(tmp_path / wheel) as package:
        assert package.read("ifgan_tf/pretrained/photos.tflite") == pretrained.MODEL.read_bytes()
        assert "ifgan_tf/pretrained/README.md" in package.namelist()
    with tarfile.open(tmp_path / source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"ifgan_tf/pretrained/photos.tflite", "ifgan_tf/pretrained/README.md"} <= names
