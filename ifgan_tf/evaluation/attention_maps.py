"""The attention maps of a generator, for the figure (Fig. 6) and for TensorBoard alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np

from ifgan_tf.evaluation import figures
from ifgan_tf.models.generator import LAST_ATTENTION, attention_map_model

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def attention_figure(
    generator: keras.Model,
    photos: np.ndarray,
    generated: np.ndarray,
    names: Sequence[str],
    points: Sequence[tuple[float, float]] = figures.QUERY_POINTS,
    on_screen: bool = False,
) -> Figure:
    """Where G's last attention module looks from some points of some photos.

    Args:
      generator: G, with attention.
      photos, generated: uint8 [N, S, S, 3].
      names: N titles.
      points: (x, y) as fractions of width and height.
      on_screen: see `figures.attention_maps`.
    """
    model, maps = attention_map_model(generator), []
    for photo in photos:  # one at a time: at 224 pixels a map has 3136² coefficients
        attention = np.asarray(model(photo[np.newaxis].astype(np.float32) / 127.5 - 1.0, training=False)[1])[0]
        side = round(np.sqrt(len(attention)))
        rows = [min(int(y * side), side - 1) * side + min(int(x * side), side - 1) for x, y in points]
        maps.append(attention[rows].reshape(len(points), side, side))
    gamma = float(generator.get_layer(LAST_ATTENTION).gamma.numpy())
    return figures.attention_maps(photos, generated, np.stack(maps).astype(np.float32), names, points, gamma, on_screen)
