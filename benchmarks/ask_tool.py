"""Asks one tool of another maker. Imports nothing of this project: it runs in that tool's own virtual environment.

    DIR/openvino/bin/python benchmarks/ask_tool.py openvino FOLDER

FOLDER holds `faces.npy` (uint8 [N, S, S, 3]), `serving/1`, `plain/1` and `plain/ifgan_<format>.tflite`. Prints a JSON
line: the tool's version and, for each thing that it opened, [N, classes] probabilities or why it would not.
"""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Probabilities = np.ndarray
Asking = Iterator[tuple[str, Callable[[np.ndarray], Probabilities]]]

NOT_INSTALLED = 3


def session(folder: Path) -> Asking:
    """TensorFlow, a graph in a session: the loader of TF Serving."""
    import tensorflow as tf

    for signature in ("tensors", "probabilities", "generate_tensors"):

        def ask(faces: np.ndarray, signature: str = signature) -> Probabilities:
            with tf.compat.v1.Session(graph=tf.Graph()) as session:
                meta = tf.compat.v1.saved_model.load(session, ["serve"], str(folder / "serving" / "1"))
                definition = meta.signature_def[signature]
                output = definition.outputs["probabilities"].name
                return session.run(output, {definition.inputs["images"].name: faces})

        yield f"SavedModel, `{signature}`", ask


def onnxruntime(folder: Path) -> Asking:
    """ONNX Runtime, by tf2onnx."""
    import onnxruntime
    import tf2onnx  # noqa: F401

    for kind, signature in (("serving", "tensors"), ("serving", "probabilities"), ("plain", "serving_default")):

        def ask(faces: np.ndarray, kind: str = kind, signature: str = signature) -> Probabilities:
            file = folder / f"{kind}_{signature}.onnx"
            command = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", str(folder / kind / "1")]
            _quietly([*command, "--signature_def", signature, "--opset", "18", "--output", str(file)])
            session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
            return session.run(["probabilities"], {session.get_inputs()[0].name: faces})[0]

        yield f"{_name(kind)}, `{signature}`, by tf2onnx", ask


def openvino(folder: Path) -> Asking:
    """OpenVINO, straight from the SavedModel."""
    import openvino as ov

    # Left to itself it computes in bfloat16 where the processor can.
    for settings in ({}, {"INFERENCE_PRECISION_HINT": "f32"}):

        def ask(faces: np.ndarray, settings: dict[str, str] = settings) -> Probabilities:
            model = ov.convert_model(str(folder / "plain" / "1"))
            return ov.Core().compile_model(model, "CPU", settings)(faces)[0]

        yield f"plain SavedModel{', told to use float32' if settings else ''}", ask


def tensorflowjs(folder: Path) -> Asking:
    """TensorFlow.js in Node, by its converter; the package @tensorflow/tfjs lies in this environment's folder."""
    import tensorflowjs

    converter = Path(tensorflowjs.__file__).parent / "converters" / "converter.py"
    modules = Path(sys.prefix) / "node_modules"
    for kind, signature in (("serving", "probabilities"), ("plain", "serving_default")):

        def ask(faces: np.ndarray, kind: str = kind, signature: str = signature) -> Probabilities:
            target = folder / f"tfjs_{kind}"
            command = [sys.executable, str(converter), "--input_format=tf_saved_model"]
            _quietly([*command, f"--signature_name={signature}", str(folder / kind / "1"), str(target)])
            (target / "faces.json").write_text(json.dumps({"shape": faces.shape, "values": faces.ravel().tolist()}))
            script = Path(__file__).with_name("ask_tfjs.js")
            answer = _quietly(["node", str(script), str(modules / "@tensorflow" / "tfjs"), str(target)])
            return np.array(json.loads(answer.splitlines()[-1])).reshape(len(faces), -1)

        yield f"{_name(kind)}, `{signature}`", ask


def mediapipe(folder: Path) -> Asking:
    """MediaPipe's image classifier, which takes the names from the file."""
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision

    labels = (folder / "plain" / "1" / "assets" / "labels.txt").read_text().split()
    for file in sorted((folder / "plain").glob("*.tflite")):

        def ask(faces: np.ndarray, file: Path = file) -> Probabilities:
            base = BaseOptions(model_asset_path=str(file))
            with vision.ImageClassifier.create_from_options(vision.ImageClassifierOptions(base)) as classifier:
                rows = []
                for face in faces:
                    answer = classifier.classify(mp.Image(image_format=mp.ImageFormat.SRGB, data=face))
                    scores = {item.category_name: item.score for item in answer.classifications[0].categories}
                    rows.append([scores[label] for label in labels])
                return np.array(rows)

        yield f"plain `{file.name}`", ask


def tflite_runtime(folder: Path) -> Asking:
    """The TFLite runtime of before LiteRT, still what many devices have."""
    from tflite_runtime.interpreter import Interpreter

    for file in sorted((folder / "plain").glob("*.tflite")):

        def ask(faces: np.ndarray, file: Path = file) -> Probabilities:
            runner = Interpreter(model_path=str(file)).get_signature_runner("serving_default")
            return np.concatenate([runner(image=face[None])["probabilities"] for face in faces])

        yield f"plain `{file.name}`", ask


TOOLS: dict[str, Callable[[Path], Asking]] = {
    "tensorflow": session,
    "onnxruntime": onnxruntime,
    "openvino": openvino,
    "tensorflowjs": tensorflowjs,
    "mediapipe": mediapipe,
    "tflite-runtime": tflite_runtime,
}


def _name(kind: str) -> str:
    return "plain SavedModel" if kind == "plain" else "SavedModel"


def _quietly(command: list[str]) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(result.stderr.strip().splitlines()[-1])
    return result.stdout


def main(tool: str, folder: Path) -> int:
    faces = np.load(folder / "faces.npy")
    answers: dict[str, Any] = {}
    try:
        for what, ask in TOOLS[tool](folder):
            try:
                answers[what] = ask(faces).tolist()
            except Exception as error:  # whatever a foreign tool has to say
                answers[what] = f"{type(error).__name__}: {error}"
    except ImportError:
        return NOT_INSTALLED
    print(json.dumps({"version": importlib.metadata.version(tool), "answers": answers}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
