"""The model that ships: one .tflite with its labels and face finder; README.md beside it is its card."""

from pathlib import Path

MODEL = Path(__file__).with_name("photos.tflite")
