"""The SavedModel in the hands of its consumers: loaded as a graph, by the command-line tool, over REST and gRPC."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from session_server import Ports, SessionModel, serve

from export.saved_model import export_saved_model
from ifgan_tf.data.images import decode_image, encode_png
from ifgan_tf.run_folder import RunFolder

README = Path(__file__).parents[2] / "export" / "README.md"
SIGNATURES = ("serving_default", "tensors", "probabilities", "generate", "generate_tensors")
COUNTS = (0, 1, 7, 64)
CLI_REQUESTS = [("tensors", count) for count in COUNTS] + [(name, 7) for name in SIGNATURES if name != "tensors"]
# The tool's own entry point, once a line of arguments: a start-up for each would take most of a minute.
ASK_ON_COMMAND_LINE = """
import json, sys
from tensorflow.python.tools.saved_model_cli import main
for sys.argv in json.loads(sys.argv[1]):
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
"""
Answer = dict[str, np.ndarray]
DTYPES = {"probabilities": np.float32, "label_id": np.int64, "average_face": np.uint8}


@pytest.fixture(scope="module")
def session(version: Path) -> SessionModel:
    return SessionModel(version)


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """uint8 [64, 32, 32, 3]."""
    return np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def pictures(faces: np.ndarray) -> list[bytes]:
    """PNGs of which the networks see exactly `faces`: with a border, at the size that is cropped and not resampled."""
    return [encode_png(np.pad(face, ((2, 3), (2, 3), (0, 0)))) for face in faces]


@pytest.fixture(scope="module")
def keras_says(run: RunFolder, faces: np.ndarray) -> Answer:
    outputs = run.inference()(faces.astype(np.float32), training=False)
    return {name: value.numpy() for name, value in outputs.items()}


def check(answer: Answer, signature: str, keras_says: Answer, classes: tuple[str, ...], rows: int) -> None:
    """Whether an answer to the first `rows` faces is what Keras says of them."""
    expected = {"probabilities", "label", "label_id"} if signature != "probabilities" else {"probabilities"}
    expected |= {"generate": {"generated_bytes"}, "generate_tensors": {"average_face"}}.get(signature, set())
    assert set(answer) == expected
    assert {len(value) for value in answer.values()} == {rows}
    for name, value in answer.items():
        assert value.dtype == DTYPES.get(name, object) or value.dtype.kind == "S"
    np.testing.assert_allclose(answer["probabilities"], keras_says["probabilities"][:rows], atol=1e-5)
    label_id = keras_says["probabilities"][:rows].argmax(axis=1)
    if "label" in answer:
        assert answer["label_id"].tolist() == label_id.tolist()
        assert [name.decode() for name in answer["label"]] == [classes[index] for index in label_id]
    average_face = answer.get("average_face")
    if "generated_bytes" in answer:
        average_face = np.array([decode_image(png, "png") for png in answer["generated_bytes"]]).reshape(-1, 32, 32, 3)
    if average_face is not None:
        assert np.abs(average_face.astype(int) - keras_says["average_face"][:rows]).max(initial=0) <= 1


def test_every_variable_is_restored(session: SessionModel) -> None:
    assert set(session.signatures) == set(SIGNATURES)
    assert not session.uninitialised()


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_session_answers_as_keras(
    run: RunFolder,
    session: SessionModel,
    faces: np.ndarray,
    pictures: list[bytes],
    keras_says: Answer,
    signature: str,
    count: int,
) -> None:
    (name,) = session.signatures[signature].inputs
    rows = {"image_bytes": pictures, "images": faces}[name][:count]
    check(session.predict(signature, **{name: rows}), signature, keras_says, run.classes(), count)


@pytest.fixture(scope="module")
def told(version: Path, faces: np.ndarray, pictures: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `saved_model_cli run` wrote, in a folder a signature and count: one process asks it all."""
    folder = tmp_path_factory.mktemp("told")
    lines = []
    for signature, count in CLI_REQUESTS:
        name, rows = ("images", faces) if "images" in signature_inputs(signature) else ("image_bytes", pictures)
        out = folder / f"{signature}_{count}"
        np.save(f"{out}.npy", np.array(rows[:count]))
        line = ["saved_model_cli", "run", "--dir", str(version), "--tag_set", "serve", "--signature_def", signature]
        lines.append([*line, "--inputs", f"{name}={out}.npy", "--outdir", str(out)])
    subprocess.run([sys.executable, "-c", ASK_ON_COMMAND_LINE, json.dumps(lines)], check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(("signature", "count"), CLI_REQUESTS)
def test_saved_model_cli_answers_as_keras(
    run: RunFolder, told: Path, keras_says: Answer, signature: str, count: int
) -> None:
    files = (told / f"{signature}_{count}").iterdir()
    answer = {file.stem: np.load(file, allow_pickle=True) for file in files}
    check(answer, signature, keras_says, run.classes(), count)


def signature_inputs(signature: str) -> str:
    return "image_bytes" if signature in ("serving_default", "generate") else "images"


def test_warm_up_requests_are_answered(version: Path, session: SessionModel) -> None:
    pytest.importorskip("tensorflow_serving", reason="the extra `serving` is not installed: no warm-up requests")
    from tensorflow_serving.apis import prediction_log_pb2

    file = version / "assets.extra" / "tf_serving_warmup_requests"
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(file))]
    assert len(records) == 4  # two signatures, one picture and all of them
    for record in records:
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        pictures = tf.make_ndarray(request.inputs["image_bytes"])
        answer = session.predict(request.model_spec.signature_name, image_bytes=pictures)
        assert answer["probabilities"].shape == (len(pictures), 7)
        assert b"" not in answer["label"]


@pytest.fixture(scope="module")
def server(version: Path) -> Iterator[Ports]:
    pytest.importorskip("tensorflow_serving", reason="the extra `serving` is not installed: nothing to ask with")
    with serve(version, "ifgan") as ports:
        yield ports


def readme_code(containing: str, ports: Ports) -> str:
    """The README's only Python block with some text, the server's ports in the place of the usual ones."""
    blocks = re.findall(r"(?:<<'EOF'\n(.*?)^EOF$|```python\n(.*?)```)", README.read_text(), re.DOTALL | re.MULTILINE)
    (code,) = [block for pair in blocks for block in pair if containing in block]
    return code.replace("localhost:8501", f"localhost:{ports.rest}").replace(
        "localhost:8500", f"localhost:{ports.grpc}"
    )


def run_code(code: str, folder: Path) -> str:
    return subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_rest_as_the_readme_writes_it(
    run: RunFolder, server: Ports, pictures: list[bytes], keras_says: Answer, tmp_path: Path
) -> None:
    (tmp_path / "face.png").write_bytes(pictures[0])
    label, probabilities = run_code(readme_code("urllib", server), tmp_path).split(" ", 1)
    assert label == run.classes()[keras_says["probabilities"][0].argmax()]
    np.testing.assert_allclose(json.loads(probabilities), keras_says["probabilities"][0], atol=1e-5)
    face = decode_image((tmp_path / "average_face.png").read_bytes(), "average_face.png")
    assert np.abs(face.astype(int) - keras_says["average_face"][0]).max() <= 1


def test_grpc_as_the_readme_writes_it(
    run: RunFolder, server: Ports, pictures: list[bytes], keras_says: Answer, tmp_path: Path
) -> None:
    (tmp_path / "face.png").write_bytes(pictures[0])
    label = run.classes()[keras_says["probabilities"][0].argmax()]
    assert run_code(readme_code("grpc", server), tmp_path).strip() == f"[b'{label}']"


def test_a_broken_picture_has_a_row_without_a_name(session: SessionModel, pictures: list[bytes]) -> None:
    mixed = [*pictures[:3], b"text", *pictures[3:5], pictures[5][:300]]
    alone = session.predict("generate", image_bytes=pictures[:5])
    answer = session.predict("generate", image_bytes=mixed)
    good = [0, 1, 2, 4, 5]
    for name, value in answer.items():
        if name == "probabilities":
            np.testing.assert_allclose(value[good], alone[name], atol=1e-5)
        else:
            assert value[good].tolist() == alone[name].tolist()
    assert answer["label"][[3, 6]].tolist() == [b"", b""]
    assert answer["generated_bytes"][[3, 6]].tolist() == [b"", b""]
    assert answer["label_id"][[3, 6]].tolist() == [-1, -1]
    assert not answer["probabilities"][[3, 6]].any()


def test_a_baseline_has_no_average_face(make_run: Callable[..., RunFolder], tmp_path: Path) -> None:
    baseline = SessionModel(export_saved_model(make_run("input", classes="6"), tmp_path))
    assert set(baseline.signatures) == {"serving_default", "tensors", "probabilities"}
    for count in COUNTS:
        answer = baseline.predict("tensors", images=np.zeros((count, 32, 32, 3), np.uint8))
        assert answer["probabilities"].shape == (count, 6)


def test_plain_gives_numbers_alone(run: RunFolder, faces: np.ndarray, tmp_path: Path) -> None:
    plain = SessionModel(export_saved_model(run, tmp_path, plain=True))
    assert set(plain.signatures) == {"serving_default"}
    assert set(plain.predict("serving_default", images=faces)) == {"probabilities"}
    operations = {node.op for node in plain.meta_graph.graph_def.node}
    for function in plain.meta_graph.graph_def.library.function:
        operations |= {node.op for node in function.node_def}
    assert not [name for name in operations if "Table" in name or "Dataset" in name or "Decode" in name]
