"""Pictures of a run's results, for print: each function takes arrays and returns a Matplotlib figure."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ifgan_tf import files
from ifgan_tf.evaluation.metrics import NO_FACE, Reliability, calibration_error
from ifgan_tf.evaluation.predictions import Predictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 300
SUFFIXES = (".png", ".pdf")  # what every picture is written as
_SCREEN_DPI = 110
_FEW = 10  # images in a bin that say little
QUERY_COLOURS = ("#e6194b", "#00a651", "#1f77ff")
# Inner brow and eye, cheek, lip corner of an aligned face, as fractions of its width and height (cf. Fig. 6).
QUERY_POINTS = ((0.33, 0.34), (0.72, 0.62), (0.37, 0.77))
_RIGHT, _WRONG = "#1a7f37", "#c62828"
_INCH = 0.95  # side of a face on paper


def save(figure: Figure, path: Path) -> Path:
    """Writes a PNG at print resolution, and the same as PDF beside it; returns `path`, the PNG's."""
    import matplotlib

    path.parent.mkdir(parents=True, exist_ok=True)
    for suffix in SUFFIXES:
        content = io.BytesIO()
        with matplotlib.rc_context({"pdf.fonttype": 42}):  # letters stay letters, which publishers ask for
            figure.savefig(content, dpi=DPI, format=suffix[1:], facecolor="white", bbox_inches="tight", pad_inches=0.06)
        files.write_bytes(path.with_suffix(suffix), content.getvalue())
    return path


def pixels(figure: Figure) -> np.ndarray:
    """The figure as TensorBoard shows it, uint8 RGB [H, W, 3]."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(_SCREEN_DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def confusion(
    matrix: np.ndarray,
    classes: Sequence[str],
    title: str,
    undetected: np.ndarray | None = None,
    on_screen: bool = False,
) -> Figure:
    """A confusion matrix: percent of the true class in every cell, with the count below.

    Args:
      matrix: int [C, C], rows are the truth.
      classes: C names.
      title: of the picture.
      undetected: int [C], images in which no face was found; where there are any, they are a column of their own, so
        that every row adds up to all images.
      on_screen: whole percents alone, as large as the small pictures of TensorBoard need them.
    """
    columns = list(classes)
    if undetected is not None and undetected.any():
        matrix, columns = np.column_stack([matrix, undetected]), [*classes, "no face"]
    cell, margin = (0.36, 0.8) if on_screen else (0.72, 1.7)
    figure, axes = _axes(1, 1, (cell * len(columns) + margin, cell * len(classes) + margin))
    axis = axes[0, 0]
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*matrix.shape):
        if not matrix[row].any():
            continue  # a class that no test image shows has no percentages
        colour = "white" if share[row, column] > 0.5 else "black" if matrix[row, column] else "#b0b0b0"
        percent = 100 * share[row, column]
        text = f"{percent:.0f}" if on_screen else f"{percent:.1f} %\n{matrix[row, column]}"
        axis.text(column, row, text, ha="center", va="center", fontsize=7.5, color=colour)
    axis.set_xticks(np.arange(len(columns)), columns, rotation=35, ha="right")
    shown = [name if row.any() else f"{name} (no image)" for name, row in zip(classes, matrix, strict=True)]
    axis.set_yticks(np.arange(len(classes)), shown)
    axis.tick_params(labelsize=7.5 if on_screen else 10)
    axis.set_xlabel("predicted", fontsize=8 if on_screen else 10)
    axis.set_ylabel("true", fontsize=8 if on_screen else 10)
    axis.set_title(title, fontsize=8 if on_screen else 10)
    return figure


def reliability_diagram(table: Reliability, title: str) -> Figure:
    """Accuracy against confidence in bins with 95 % intervals (Wilson), and how many images each bin has.

    Bins of fewer than ten images are faint: they say little.

    Args:
      table: see `ifgan_tf.evaluation.metrics.reliability`.
      title: of the picture.
    """
    from scipy.stats import binomtest

    bins = len(table.count)
    middle = (np.arange(bins) + 0.5) / bins
    figure, axes = _axes(2, 1, (4.6, 5.2), height_ratios=(3, 1.2), sharex=True)
    top, bottom = axes[:, 0]
    for some, alpha, label in (
        (table.count >= _FEW, 1.0, "accuracy"),
        ((table.count > 0) & (table.count < _FEW), 0.3, f"accuracy, of fewer than {_FEW} images"),
    ):
        if not some.any():
            continue
        right = np.rint(table.accuracy[some] * table.count[some]).astype(int)
        intervals = np.array(
            [
                binomtest(int(k), int(n)).proportion_ci(method="wilson")
                for k, n in zip(right, table.count[some], strict=True)
            ]
        )
        reach = np.abs(intervals.T - table.accuracy[some])
        top.bar(middle[some], table.accuracy[some], 0.94 / bins, color="#4c86c6", alpha=alpha, label=label)
        top.errorbar(
            middle[some], table.accuracy[some], yerr=reach, fmt="none", ecolor="#17365d", elinewidth=0.8, alpha=alpha
        )
    top.plot([0, 1], [0, 1], "--", color="grey", lw=1, label="perfectly calibrated")
    top.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
    top.set_title(f"{title}\nexpected calibration error {100 * calibration_error(table):.2f} %", fontsize=10)
    figure.legend(fontsize=7, loc="outside lower center", frameon=False)  # within, it would cover a bar
    bottom.bar(middle, table.count, 0.94 / bins, color="#9aa5b1")
    for place, count in zip(middle, table.count, strict=True):
        if count:
            bottom.text(place, count, f"{count}", ha="center", va="bottom", fontsize=6.5)
    bottom.set(xlabel="confidence of the predicted class", ylabel="images")
    bottom.margins(y=0.25)
    return figure


def expression_transfer(
    predictions: Predictions, average_faces: np.ndarray, classes: Sequence[str], people: int = 4
) -> Figure:
    """Photos and the average faces generated from them, several people and every expression (cf. Fig. 5).

    The first row is the true average face of every class; then two rows a person. People are the first by name of
    those who show most classes, photos the last by name of each class: nothing is picked for its looks.

    Args:
      predictions: with generated faces.
      average_faces: uint8 [C, S, S, 3].
      classes: C names.
      people: number of people.
    """
    generated = _generated(predictions)
    chosen = _people(predictions, people)
    rows = 1 + 2 * len(chosen)
    figure, axes = _axes(rows, len(classes), (_INCH * len(classes) + 1.0, (_INCH + 0.08) * rows + 0.4))
    for column, name in enumerate(classes):
        _face(axes[0, column], average_faces[column])
        axes[0, column].set_title(name, fontsize=8)
    _row_name(axes[0, 0], "true average")
    for number, subject in enumerate(chosen):
        top, bottom = axes[1 + 2 * number], axes[2 + 2 * number]
        for column in range(len(classes)):
            index = _last_photo(predictions, subject, column)
            if index is None:
                top[column].axis("off")
                bottom[column].axis("off")
                continue
            _face(top[column], predictions.faces.images[index])
            _face(bottom[column], generated[index])
            colour = _RIGHT if predictions.correct[index] else _WRONG
            bottom[column].set_xlabel(_verdict(predictions, index, classes), fontsize=6, color=colour, labelpad=1)
        _row_name(top[0], f"{plain(subject)}\nphoto")
        _row_name(bottom[0], "generated")
    return figure


def attention_maps(
    photos: np.ndarray,
    generated: np.ndarray,
    maps: np.ndarray,
    names: Sequence[str],
    points: Sequence[tuple[float, float]],
    gamma: float,
    on_screen: bool = False,
) -> Figure:
    """Where the last attention module looks from three points of the face (cf. Fig. 6), all maps on one scale.

    Args:
      photos, generated: uint8 [N, S, S, 3].
      maps: float [N, points, H, W], each sums to 1.
      names: N titles.
      points: (x, y) of every query point, as fractions of width and height.
      gamma: the module's γ: how strongly its output counts.
      on_screen: with as few words as the small pictures of TensorBoard have room for.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    count = 2 + len(points)
    per_line = 2 if len(photos) > 3 else 1
    lines = -(-len(photos) // per_line)
    gap = 0.18  # an empty column between the boxes of a line
    ratios = ([1.0] * count + [gap]) * per_line
    columns = len(ratios) - 1
    figure, axes = _axes(
        lines, columns, (_INCH * sum(ratios[:-1]) + 0.4, (_INCH + 0.22) * lines + 0.5), width_ratios=ratios[:-1]
    )
    for axis in axes.flat:
        axis.axis("off")
    side = photos.shape[1]
    # How many times an even share a position gets. The brightest hundredth is cut off, else one position would leave
    # the rest dark; maps that look everywhere alike stay dark.
    shares = maps * np.prod(maps.shape[-2:])
    ceiling = max(float(np.quantile(shares, 0.99)), 3.0)
    for number, name in enumerate(names):
        row, start = number // per_line, (number % per_line) * (count + 1)
        cells = axes[row, start : start + count]
        for axis in cells:
            axis.axis("on")
        _face(cells[0], photos[number])
        _face(cells[1], generated[number])
        cells[0].set_title(plain(name), fontsize=7, loc="left", pad=2)
        for (x, y), colour, heat, axis in zip(points, QUERY_COLOURS, shares[number], cells[2:], strict=True):
            for face in cells[:2]:
                face.plot(x * side, y * side, "o", ms=4.5, color=colour, mec="white", mew=0.7)
            _face(axis, photos[number].mean(axis=-1), cmap="gray", alpha=0.55)
            extent = (-0.5, side - 0.5, side - 0.5, -0.5)
            axis.imshow(heat, cmap="inferno", vmin=0, vmax=ceiling, interpolation="bicubic", alpha=0.72, extent=extent)
            axis.plot(x * side, y * side, "o", ms=4.5, color=colour, mec="white", mew=0.7)
            _frame(axis, colour)
    scale = ScalarMappable(Normalize(0, ceiling), "inferno")
    bar = figure.colorbar(scale, ax=axes, location="bottom", shrink=0.5, aspect=40, pad=0.02, extend="max")
    bar.set_label("attention, as a multiple of an even share", fontsize=7)
    bar.ax.tick_params(labelsize=6)
    whole = f"Attention of the module nearest the image, γ = {gamma:.3g}: photo, generated face, one map a point"
    figure.suptitle(f"photo, generated, attention (γ = {gamma:.3g})" if on_screen else whole, fontsize=8)
    return figure


def misclassified(predictions: Predictions, classes: Sequence[str], most: int = 18) -> Figure:
    """The most confident errors: photo, generated face below it if there is one, truth, prediction and confidence."""
    wrong = np.flatnonzero(~predictions.correct)
    # Where no face was found, the confidence is of no face: those come last.
    confidences = np.where(predictions.faces.detected, predictions.confidences, 0.0)
    order = wrong[np.argsort(-confidences[wrong], kind="stable")][:most]
    columns = min(6, max(len(order), 1))
    height = 2 if predictions.generated is not None else 1
    lines = max(-(-len(order) // columns), 1)
    size = (1.25 * columns + 0.2, (1.1 * height + 0.45) * lines + 0.4)
    figure, axes = _axes(height * lines, columns, size)
    for axis in axes.flat:
        axis.axis("off")
    for number, index in enumerate(order):
        row, column = height * (number // columns), number % columns
        axis = axes[row, column]
        _face(axis, predictions.faces.images[index])
        axis.axis("on")
        truth = classes[predictions.faces.labels[index]]
        axis.set_title(f"{truth}\n→ {_verdict(predictions, index, classes)}", fontsize=7, color=_WRONG, pad=2)
        if predictions.generated is not None:
            _face(axes[row + 1, column], predictions.generated[index])
            axes[row + 1, column].axis("on")
    figure.suptitle(
        f"{len(order)} of {len(wrong)} errors in {len(predictions)} images, most confident first: true → predicted",
        fontsize=9,
    )
    return figure


def leakage(identity: Mapping[str, Any], accuracy: float, detail: Mapping[str, Any] | None = None) -> Figure:
    """Expression accuracy against re-identification, one point a representation, with 95 % intervals; below, what is
    read beside the expression's name.

    Args:
      identity: see `ifgan_tf.privacy.audit.to_json`.
      accuracy: of the run's own classifier, drawn as a line.
      detail: see `ifgan_tf.privacy.detail.detail`; without it there is no second panel.
    """
    if detail is None:
        figure, axes = _axes(1, 1, (6.2, 4.4))
    else:
        figure, axes = _axes(2, 1, (6.2, 6.4), height_ratios=(4.2, 2))
        _detail(axes[1, 0], detail)
    axis = axes[0, 0]
    # The average face of the true label has the answer drawn in, so its accuracy means nothing.
    named = {
        name: found
        for name, found in identity.items()
        if isinstance(found, dict) and "expression_accuracy" in found and name != "average"
    }
    for (name, found), marker in zip(named.items(), "osv^<DPX*", strict=False):
        x, y = 100 * found["top1"], 100 * found["expression_accuracy"]
        errors = [
            [[value - 100 * low], [100 * high - value]]
            for value, (low, high) in (
                (x, found["top1_interval"]),
                (y, found["expression_accuracy_interval"]),
            )
        ]
        colour = _WRONG if name == "generated" else "#4c6a92"
        axis.errorbar(
            x,
            y,
            xerr=np.maximum(errors[0], 0),
            yerr=np.maximum(errors[1], 0),
            fmt=marker,
            ms=8 if name == "generated" else 6,
            color=colour,
            ecolor=colour,
            elinewidth=0.6,
            label=name.replace("_", " "),
        )
    chance = 100 * identity["chance"]
    axis.axvline(chance, color="grey", ls="--", lw=1, label=f"chance ({chance:.1f} %)")
    axis.axhline(100 * accuracy, color=_RIGHT, ls=":", lw=1, label=f"the run's own classifier ({100 * accuracy:.1f} %)")
    axis.set(xlim=(0, 103), ylim=(0, 103))
    axis.set_xlabel(f"person named right, % (top-1 of {identity['subjects']} people)")
    axis.set_ylabel("expression named right by a small network, %")
    axis.set_title("What each picture tells: expression (up is useful), person (left is private)", fontsize=9)
    axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return figure


def _detail(axis: Axes, detail: Mapping[str, Any]) -> None:
    """R² of intensity and of action units, one line a representation, with 95 % intervals."""
    named = {name: found for name, found in detail.items() if isinstance(found, dict)}
    kinds = [kind for kind in ("intensity", "action_units") if kind in named["photo"]]
    places = np.arange(len(named))
    for kind, colour, marker, shift in zip(kinds, ("#e08a00", "#1f77ff"), "os", (-0.14, 0.14), strict=False):
        values = np.array([found[kind] for found in named.values()])
        low, high = np.array([found[f"{kind}_interval"] for found in named.values()]).T
        axis.errorbar(
            values,
            places + shift,
            xerr=np.maximum([values - low, high - values], 0),
            fmt=marker,
            ms=5,
            color=colour,
            elinewidth=0.8,
            label=kind.replace("_", " "),
        )
    axis.axvline(0, color="grey", ls="--", lw=1, label="no better than the mean")
    told = {"feature": "E's feature", "label": "true label alone", "answer": "E's probabilities"}
    axis.set_yticks(places, [told.get(name, name.replace("_", " ")) for name in named], fontsize=8)
    axis.invert_yaxis()
    axis.grid(axis="y", lw=0.3)
    axis.set_xlabel(f"R² on {detail['subjects']} test people (1: all is read)", fontsize=9)
    axis.set_title("Beside the expression's name: how strongly, and with which action units", fontsize=9, pad=12)
    axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def plain(text: str) -> str:
    """Text of a user's, for a picture: to Matplotlib, what stands between two dollars is mathematics."""
    return text.replace("$", r"\$")


def representative(predictions: Predictions) -> np.ndarray:
    """One image of every class that occurs, of different people as far as they reach: indices, int [≤ classes]."""
    subjects = sorted(set(predictions.faces.subjects.tolist()))
    found = []
    for number, label in enumerate(sorted(set(predictions.faces.labels.tolist()))):
        ring = subjects[number % len(subjects) :] + subjects[: number % len(subjects)]
        indices = (_last_photo(predictions, subject, label) for subject in ring)
        found.append(next(index for index in indices if index is not None))
    return np.array(found, int)


def _people(predictions: Predictions, people: int) -> list[str]:
    faces = predictions.faces
    shown = {s: len(set(faces.labels[faces.subjects == s].tolist())) for s in sorted(set(faces.subjects.tolist()))}
    return sorted(sorted(shown, key=lambda subject: -shown[subject])[:people])


def _last_photo(predictions: Predictions, subject: str, label: int) -> int | None:
    faces = predictions.faces
    matching = np.flatnonzero((faces.subjects == subject) & (faces.labels == label))
    return int(matching[np.argmax(np.argsort(np.argsort(faces.sources[matching])))]) if len(matching) else None


def _generated(predictions: Predictions) -> np.ndarray:
    if predictions.generated is None:
        raise ValueError("classifier_input=input generates no faces")
    return predictions.generated


def _axes(rows: int, columns: int, size: tuple[float, float], **options: Any) -> tuple[Figure, np.ndarray]:
    from matplotlib.figure import Figure  # without pyplot: no window system, no global state
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.015, h_pad=0.015, wspace=0.0, hspace=0.0))
    sharex = options.pop("sharex", False)
    return figure, figure.subplots(rows, columns, squeeze=False, sharex=sharex, gridspec_kw=options)


def _face(axis: Axes, image: np.ndarray, **options: Any) -> None:
    axis.imshow(image, interpolation="bicubic", **options)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)


def _frame(axis: Axes, colour: str) -> None:
    axis.spines[:].set(visible=True, color=colour, linewidth=1.6)


def _row_name(axis: Axes, text: str) -> None:
    axis.set_ylabel(text, fontsize=7, rotation=0, ha="right", va="center", labelpad=4)


def _verdict(predictions: Predictions, index: int, classes: Sequence[str]) -> str:
    named = predictions.predicted[index]
    if named == NO_FACE:
        return "no face found"
    return f"{classes[named]} {100 * predictions.confidences[index]:.0f} %"
