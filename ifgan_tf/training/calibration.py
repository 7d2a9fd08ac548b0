"""Confidence that means what it says: the temperature of Guo et al., On Calibration of Modern Neural Networks, 2017."""

from __future__ import annotations

import dataclasses
import json
import logging

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from ifgan_tf import files
from ifgan_tf.data import splits
from ifgan_tf.evaluation.predictions import logits
from ifgan_tf.models.construction import FLOAT32
from ifgan_tf.run_folder import TEMPERATURES, RunFolder


def calibrate(run: RunFolder) -> None:
    """Fits the temperature of a run's best networks on its validation faces, and writes `calibration.json`.

    Pictures in which no face was found are left out: nobody is told a confidence of them. Without any others nothing is
    written.

    Raises:
      UserError: when the run has no checkpoint, or its data are not built.
    """
    config = run.config()
    validation = splits.load(config.data, config.run.fold, config.run.cache_gb).validation
    faces = validation.select(validation.detected)
    if not len(faces):
        logging.warning("%s: no face was found in any validation image: its confidence is not calibrated", run.path)
        return
    faces = dataclasses.replace(faces, images=faces.images.cropped(config.data.image_size))
    said = logits(config.model.classifier_input, run.networks("best", FLOAT32), faces)
    temperature = fit_temperature(said, faces.labels)
    before, after = (cross_entropy(said, faces.labels, each) for each in (1.0, temperature))
    told = {
        "temperature": temperature,
        "images": len(faces),
        "cross_entropy": {"before": before, "after": after},
    }
    files.write_text(run.calibration_file, json.dumps(told, indent=2) + "\n")
    logging.info(
        "%s: temperature %.3f, fitted on %d validation faces: cross-entropy %.4f, before %.4f",
        *(run.path, temperature, len(faces), after, before),
    )


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The T that gives softmax(logits / T) the least cross-entropy (Section 4.2), within `TEMPERATURES`.

    1 where all faces are named right: the smaller T the better then, which says nothing of how sure one may be.

    Args:
      logits: float [N, classes].
      labels: int [N], the truth.
    """
    if np.all(logits.argmax(axis=1) == labels):
        return 1.0
    found = minimize_scalar(
        lambda log: cross_entropy(logits, labels, np.exp(log)),  # convex in 1 / T, so there is one minimum
        bounds=np.log(TEMPERATURES),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.clip(np.exp(found.x), *TEMPERATURES))


def cross_entropy(logits: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    """Mean of -log softmax(logits / temperature) at the labels; see `fit_temperature`, N at least 1."""
    logs = log_softmax(logits.astype(np.float64) / temperature, axis=1)
    return float(-np.mean(logs[np.arange(len(labels)), labels]))
