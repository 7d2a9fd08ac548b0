"""A page that runs a .tflite in the browser: photo or camera in, expression and average face out."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from export.runs import written_beside
from ifgan_tf import cli
from ifgan_tf.errors import UserError
from ifgan_tf.recognition import device

USAGE = """
Writes one folder that holds a page, the model, a face detector and the LiteRT runtime for browsers.

    python -m export.web_demo --model=RUN/tflite/ifgan_float32.tflite --output=DIR
    python -m http.server --directory DIR 8000      and open http://localhost:8000

Needs npm, which fetches the runtime (Apache-2.0) once. Browsers give the camera to localhost and https only. Nothing
is sent anywhere: pictures stay in the browser.
"""

RUNTIME = {"@litertjs/core": "2.5.3", "@litertjs/wasm-utils": "2.5.3"}
CANVAS = 320  # a photo is shrunk to this for finding its face: the browser's runtime wants fixed sizes
_PAGE = Path(__file__).parent / "web"


def levels(canvas: int = CANVAS) -> list[dict[str, float]]:
    """MTCNN's pyramid for a square of `canvas` pixels, down from faces of a fifth of it: `side` and `scale` of each."""
    count = round(-(np.log(canvas / device.WINDOW) / np.log(device.PYRAMID_RATIO) + 1))
    scales = [device.WINDOW / device.SMALLEST_FACE * device.PYRAMID_RATIO**level for level in range(count)]
    wanted = [scale for scale in scales if device.WINDOW / scale >= device.MIN_FACE * canvas]
    return [{"side": int(canvas * scale), "scale": scale} for scale in wanted]


def write_demo(model: Path, output: Path) -> None:
    """Writes the folder that `USAGE` describes; one of that name is replaced.

    Raises:
      UserError: when the model is none of ours, npm cannot fetch the runtime, or `output` cannot be written.
    """
    from export.detector import convert_detector

    try:
        with zipfile.ZipFile(model) as package:
            metadata = json.loads(package.read(device.METADATA))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"--model={model}: not a .tflite file written by export.tflite ({error})") from None
    if output.exists() and not (output / "settings.json").is_file():
        raise UserError(f"--output={output}: exists and is no demo; expected a new folder")
    with written_beside(output) as beside:
        shutil.copytree(_PAGE, beside)
        _fetch_runtime(beside / "litert")
        shutil.copy(model, beside / "model.tflite")
        (beside / "face_detector.tflite").write_bytes(convert_detector(tuple(int(level["side"]) for level in levels())))
        (beside / "settings.json").write_text(json.dumps(settings(metadata), indent=2) + "\n")
        if output.exists():
            shutil.rmtree(output)


def settings(metadata: dict[str, Any]) -> dict[str, Any]:
    """What the page must know: of the model, of alignment and of finding faces."""
    return {
        "model": {name: metadata[name] for name in ("labels", "image_size", "working_size")},
        "alignment": {"template": device.TEMPLATE.tolist(), "size": device.ALIGNED_SIZE},
        "detector": {
            "canvas": CANVAS,
            "max_side": device.MAX_SIDE,
            "levels": levels(),
            "thresholds": [
                device.PROPOSAL_THRESHOLD,
                device.REFINE_THRESHOLD,
                device.OUTPUT_THRESHOLD,
            ],
        },
    }


def _fetch_runtime(folder: Path) -> None:
    folder.mkdir()
    with tempfile.TemporaryDirectory() as download:
        for package, version in RUNTIME.items():
            _unpack(package, version, Path(download))
        core = Path(download) / "core" / "package"
        shutil.copy(core / "dist" / "index.js", folder / "core.js")
        shutil.copy(Path(download) / "wasm-utils" / "package" / "dist" / "index.js", folder / "wasm-utils.js")
        (folder / "wasm").mkdir()
        # One thread, with and without relaxed SIMD; threads and JSPI need headers or flags that few servers have.
        for name in ("litert_wasm_internal", "litert_wasm_compat_internal"):
            for suffix in (".js", ".wasm"):
                shutil.copy(core / "wasm" / f"{name}{suffix}", folder / "wasm")


def _unpack(package: str, version: str, folder: Path) -> None:
    command = ["npm", "pack", "--silent", f"{package}@{version}", f"--pack-destination={folder}"]
    try:
        name = subprocess.run(command, capture_output=True, check=True, text=True, cwd=folder).stdout.split()[-1]
    except FileNotFoundError:
        raise UserError("npm is not installed; it fetches the browser's runtime: install Node.js") from None
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise UserError(
            f"npm cannot fetch {package} {version} ({reason[0]}); expected a connection to a registry of npm"
        ) from None
    with tarfile.open(folder / name) as archive:
        archive.extractall(folder / package.split("/")[1], filter="data")


def _define_flags() -> None:
    flags.DEFINE_string("model", "", "A .tflite file written by export.tflite.")
    flags.DEFINE_string("output", "", "Folder to write.")


def main(arguments: Sequence[str]) -> None:
    values = flags.FLAGS
    if arguments or not values.model or not values.output:
        raise UserError("expected --model=F.tflite and --output=DIR; see --help")
    write_demo(Path(values.model), Path(values.output))
    logging.info("%s: python -m http.server --directory %s 8000", values.output, values.output)


if __name__ == "__main__":
    _define_flags()
    cli.run(main, USAGE)
