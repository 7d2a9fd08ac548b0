"""A run's exports in tools of other makers; those that are not installed are skipped."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from flatbuffers.number_types import Float32Flags, Uint8Flags, UOffsetTFlags
from flatbuffers.table import Table
from tensorflow.lite.python import schema_py_generated as schema

from benchmarks.ask_tool import TOOLS
from export import tflite_metadata
from export.saved_model import export_saved_model
from export.tflite import export_tflite
from ifgan_tf.recognition.recognizer import Recognizer
from ifgan_tf.run_folder import RunFolder

MODULES = {"tflite-runtime": "tflite_runtime", "onnxruntime": "tf2onnx"}


@pytest.fixture(scope="module")
def exports(run: RunFolder, version: Path, model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`serving/1`, `plain/1`, `plain/ifgan_float32.tflite`, `tflite/ifgan_float32.tflite`."""
    folder = tmp_path_factory.mktemp("exports")
    (folder / "serving").symlink_to(version.parent)
    (folder / "tflite").symlink_to(model_file.parent)
    export_saved_model(run, folder / "plain", plain=True)
    export_tflite(run, folder / "plain", parity_images=0, plain=True)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
def test_answers_as_keras(run: RunFolder, exports: Path, tool: str) -> None:
    if importlib.util.find_spec(MODULES.get(tool, tool)) is None:
        pytest.skip(f"{tool} is not installed; see python -m benchmarks.other_tools --help")
    faces = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)
    keras_says = run.inference()(faces.astype(np.float32), training=False)["probabilities"]
    opened = dict(TOOLS[tool](exports))
    assert opened
    for what, ask in opened.items():
        tolerance = 0.05 if what == "plain SavedModel" else 1e-5  # OpenVINO in bfloat16
        np.testing.assert_allclose(ask(faces), keras_says, atol=tolerance, err_msg=what)


@pytest.mark.parametrize(("kind", "outputs"), [("plain", ["probabilities"]), ("tflite", None)])
def test_standard_metadata(run: RunFolder, exports: Path, kind: str, outputs: list[str] | None) -> None:
    file = exports / kind / "ifgan_float32.tflite"
    metadata = metadata_of(file.read_bytes())
    (graph,) = tables(metadata, 3)
    (image,) = tables(graph, 2)
    assert text(image, 0) == "image"
    assert byte(table(image, 3), 0) == 2  # an image,
    assert byte(table(table(image, 3), 1), 0) == 1  # RGB,
    (normalization,) = tables(image, 4)
    assert [floats(table(normalization, 1), slot) for slot in (0, 1)] == [[0], [1]]  # fed as it is
    described = {text(output, 0): output for output in tables(graph, 3)}
    assert [(1, 7) if name == "probabilities" else (1, 32, 32, 3) for name in described] == output_shapes(file)
    assert outputs is None or list(described) == outputs
    (labels,) = tables(described["probabilities"], 6)
    assert byte(labels, 2) == 2  # names along the tensor's axis
    with zipfile.ZipFile(file) as package:
        assert tuple(package.read(text(labels, 0)).decode().split()) == run.classes()


def test_plain_file_is_this_projects_too(run: RunFolder, exports: Path) -> None:
    photo = pytest.importorskip("skimage.data").astronaut()[:300, 100:400]
    plain = Recognizer(exports / "plain" / "ifgan_float32.tflite").predict([photo])[0][0]
    whole = Recognizer(exports / "tflite" / "ifgan_float32.tflite").predict([photo])[0][0]
    assert plain.average_face is None
    assert plain.probabilities == pytest.approx(whole.probabilities, abs=1e-5)


@pytest.mark.slow
def test_export_commands_say_what_they_wrote_and_no_more(run: RunFolder, tmp_path: Path) -> None:
    for command in ("export.saved_model", "export.tflite"):
        options = [f"--workdir={run.path}", f"--output={tmp_path / 'out'}"]
        if command == "export.tflite":
            options += ["--format=float32,int8", "--parity_images=2", "--allow_accuracy_drop"]
        result = subprocess.run(
            [sys.executable, "-m", command, *options],
            check=True,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        said = result.stdout + result.stderr
        assert str(tmp_path / "out") in said
        assert not [word for word in ("Assets", "XNNPACK", "fully_quantize", "delegate") if word in said]


def output_shapes(file: Path) -> list[tuple[int, ...]]:
    from ai_edge_litert.interpreter import Interpreter

    return [tuple(detail["shape"]) for detail in Interpreter(model_path=str(file)).get_output_details()]


def metadata_of(content: bytes) -> Table:
    """The root table of the metadata in a .tflite, read as any flatbuffer."""
    model = schema.Model.GetRootAs(content, 0)
    names = {model.Metadata(place).Name().decode(): model.Metadata(place) for place in range(model.MetadataLength())}
    data = model.Buffers(names[tflite_metadata.NAME].Buffer()).DataAsNumpy().tobytes()
    assert data[4:8] == b"M001"
    return Table(data, flatbuffers.encode.Get(UOffsetTFlags.packer_type, data, 0))


def table(parent: Table, slot: int) -> Table:
    return Table(parent.Bytes, parent.Indirect(parent.Pos + parent.Offset(4 + 2 * slot)))


def tables(parent: Table, slot: int) -> list[Table]:
    offset = parent.Offset(4 + 2 * slot)
    start = parent.Vector(offset)
    return [Table(parent.Bytes, parent.Indirect(start + 4 * place)) for place in range(parent.VectorLen(offset))]


def floats(parent: Table, slot: int) -> list[float]:
    offset = parent.Offset(4 + 2 * slot)
    return [parent.Get(Float32Flags, parent.Vector(offset) + 4 * place) for place in range(parent.VectorLen(offset))]


def text(parent: Table, slot: int) -> str:
    return parent.String(parent.Pos + parent.Offset(4 + 2 * slot)).decode()


def byte(parent: Table, slot: int) -> int:
    return parent.Get(Uint8Flags, parent.Pos + parent.Offset(4 + 2 * slot))
