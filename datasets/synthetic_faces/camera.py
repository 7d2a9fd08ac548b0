"""What lies between a scene and its picture file: lens, sensor, the camera's own processing, compression."""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np

GREY_SHARE = 0.06
SEPIA_SHARE = 0.015
FADED_SHARE = 0.025
SMALLEST_FACE = 40.0  # pixels from brow to chin

_LEVELS = 1024  # of the curve's table: finer than a byte, so that a brightened picture shows no steps
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclasses.dataclass(frozen=True)
class Camera:
    """One camera in one moment. Lengths are in face sizes (brow to chin), so that they mean the same at any size."""

    exposure: float  # stops; 0 leaves the light as it is
    contrast: float  # of the tone curve: 0 is straight, positive steeper in the middle, negative flat
    warmth: float  # white balance, stops: red up and blue down
    tint: float  # white balance, stops: green up
    saturation: float  # 1 leaves colours as they are, 0 is grey
    toning: str  # "none", "sepia" or "faded"
    vignette: float  # share of the light that the corners lose
    blur: float  # of the lens and its focus: the deviation
    motion: tuple[float, float]  # how far the camera moved: right, down
    face_pixels: float  # from brow to chin in the file; the face's own size where that is smaller
    sharpening: float  # strength of the halos at edges
    noise: float  # deviation of a pixel's brightness, 0..1
    colour_noise: float  # deviation of a blotch's colour, 0..1
    smoothing: float  # brightness differences below this are taken for noise and smoothed away; 0: none
    qualities: tuple[int, ...]  # of the JPEG files it went through: the first as taken, the second as shown


def sample_camera(rng: np.random.Generator) -> Camera:
    """A camera as behind the pictures of an album or of an old data set: mostly good, some bad in one or two ways."""
    face_pixels = _face_pixels(rng)
    toning, saturation = _colours(rng)
    dark = rng.random() < 0.12  # little light: noise, and what phones do about it
    noise = rng.uniform(0.012, 0.035) if dark else 0.002 + 0.012 * rng.random() ** 2
    moves = rng.random() < 0.04
    motion = rng.uniform(0.02, 0.055) if moves else 0.0
    angle = rng.uniform(0, math.pi)
    # One defect of focus is enough: a face of few pixels that is blurred as well shows no expression.
    sharp = moves or face_pixels < 80
    return Camera(
        exposure=_around(rng, -0.25 if dark else 0.0, 0.28),
        contrast=_around(rng, 0.1, 0.2),
        warmth=_around(rng, 0.12 if dark else 0.0, 0.12),
        tint=_around(rng, 0.0, 0.05),
        saturation=saturation,
        toning=toning,
        vignette=float(rng.uniform(0.05, 0.4)) if rng.random() < 0.4 else 0.0,
        blur=float(rng.uniform(0.007, 0.015) if not sharp and rng.random() < 0.12 else 0.005 * rng.random()),
        motion=(float(motion * math.cos(angle)), float(motion * math.sin(angle))),
        face_pixels=face_pixels,
        sharpening=float(rng.uniform(0.4, 1.3)) if rng.random() < 0.1 else 0.0,
        noise=float(noise),
        colour_noise=float(noise * rng.uniform(0.5, 1.2)) if dark else float(noise * rng.uniform(0.1, 0.5)),
        smoothing=float(rng.uniform(1.5, 3.0) * noise) if rng.random() < (0.5 if dark else 0.15) else 0.0,
        qualities=_qualities(rng, lowest=60 if face_pixels < 80 else 35),
    )


def develop(picture: np.ndarray, camera: Camera, rng: np.random.Generator, face_size: float) -> np.ndarray:
    """The picture as this camera stores it, in the size it came in: what is where stays there.

    Args:
      picture: float32 [H, W, 3] RGB, 0..1 (display values, sRGB).
      camera: what took it.
      rng: for the sensor's noise.
      face_size: pixels from brow to chin.

    Returns:
      uint8 [H, W, 3] RGB.
    """
    height, width = picture.shape[:2]
    seen = _lens(picture, camera, face_size)
    shrink = min(max(camera.face_pixels, SMALLEST_FACE) / face_size, 1.0)
    if shrink < 1:
        small = (max(round(width * shrink), 1), max(round(height * shrink), 1))
        seen = cv2.resize(seen, small, interpolation=cv2.INTER_AREA)
    seen = _sensor(seen, camera, rng)
    seen = _colour(seen, camera)
    if camera.sharpening:
        seen += np.float32(camera.sharpening) * (seen - cv2.GaussianBlur(seen, (0, 0), 1.0))
    image = np.clip(seen * 255 + 0.5, 0, 255).astype(np.uint8)
    first, *again = camera.qualities
    image = _compress(image, first)
    if shrink < 1:
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)
    for quality in again:
        image = _compress(image, quality)
    return image


def _around(rng: np.random.Generator, middle: float, spread: float) -> float:
    return middle + spread * float(np.clip(rng.normal(), -2.5, 2.5))


def _face_pixels(rng: np.random.Generator) -> float:
    """Most faces in more pixels than they are rendered with, few in less than 80."""
    kind = rng.random()
    if kind < 0.12:
        return float(rng.uniform(SMALLEST_FACE, 80))
    return float(rng.uniform(80, 160)) if kind < 0.5 else math.inf


def _colours(rng: np.random.Generator) -> tuple[str, float]:
    """Toning and saturation."""
    kind = rng.random()
    if kind < GREY_SHARE:
        return "none", 0.0
    if kind < GREY_SHARE + SEPIA_SHARE:
        return "sepia", 0.0
    if kind < GREY_SHARE + SEPIA_SHARE + FADED_SHARE:
        return "faded", float(rng.uniform(0.35, 0.7))
    return "none", _around(rng, 1.0, 0.15)


def _qualities(rng: np.random.Generator, lowest: int) -> tuple[int, ...]:
    kind = rng.random()
    low, high = (80, 95) if kind < 0.65 else (60, 80) if kind < 0.88 else (lowest, 60)
    first = int(rng.integers(low, high + 1))
    return (first, int(rng.integers(max(lowest, 50), 96))) if rng.random() < 0.15 else (first,)


def _lens(picture: np.ndarray, camera: Camera, face_size: float) -> np.ndarray:
    """Blur, movement and darker corners."""
    deviation = camera.blur * face_size
    if deviation > 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), deviation)
    step = np.array(camera.motion) * face_size
    if np.hypot(*step) > 1:
        picture = cv2.filter2D(picture, -1, _streak(step), borderType=cv2.BORDER_REPLICATE)
    if camera.vignette:
        height, width = picture.shape[:2]
        down, across = (np.linspace(-1, 1, n, dtype=np.float32) ** 2 / 2 for n in (height, width))
        picture = picture * (1 - np.float32(camera.vignette) * (down[:, None] + across[None, :]) ** 2)[..., None]
    return picture


def _streak(step: np.ndarray) -> np.ndarray:
    """The path of a point of light while the camera moves by `step` pixels [2]: a kernel of sum 1."""
    reach = int(np.ceil(np.abs(step).max() / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    ends = np.round((reach + np.array([-0.5, 0.5])[:, None] * step) * 16).astype(int)
    cv2.line(kernel, ends[0].tolist(), ends[1].tolist(), 1.0, 1, cv2.LINE_8, 4)
    return kernel / kernel.sum()


def _sensor(picture: np.ndarray, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """Noise, and the smoothing that is to remove it.

    Noise of single photons grows with the root of the light; the display's curve makes that about even, so that what
    is left to see is the electronics' noise on top of it in the dark.
    """
    height, width = picture.shape[:2]
    deviation = np.float32(camera.noise) * (np.float32(0.7) + np.float32(0.8) * (1 - picture[..., 1]) ** 2)
    grain = rng.standard_normal((height, width), np.float32) * deviation
    # Colour is measured at every other pixel and made up in between: its noise comes in blotches.
    blotches = rng.standard_normal((-(-height // 3), -(-width // 3), 3), np.float32) * np.float32(camera.colour_noise)
    blotches -= (blotches @ _LUMA)[..., None]
    noisy = picture + grain[..., None] + cv2.resize(blotches, (width, height), interpolation=cv2.INTER_LINEAR)
    if camera.smoothing:
        noisy = cv2.bilateralFilter(noisy, 5, camera.smoothing, 1.5)
    return noisy


def _colour(picture: np.ndarray, camera: Camera) -> np.ndarray:
    """Saturation, then every channel through its own curve: white balance, exposure, contrast, toning."""
    mixing = camera.saturation * np.eye(3, dtype=np.float32) + np.float32(1 - camera.saturation) * _LUMA
    mixed = cv2.transform(picture, mixing)
    # Measured light is corrected before it is made a display value: hence the powers.
    stops = camera.exposure + np.array([camera.warmth, camera.tint, -camera.warmth])
    if not camera.saturation:
        stops[:] = camera.exposure
    value = np.linspace(0, 1, _LEVELS)[:, None] * 2 ** (stops / 2.2)
    value -= 0.5 * np.maximum(value - 0.8, 0)  # highlights roll off, they do not break off
    value = np.clip(value, 0, 1)
    if camera.contrast >= 0:
        value += camera.contrast * (value * value * (3 - 2 * value) - value)
    else:
        value = 0.45 + (value - 0.45) * (1 + camera.contrast)
    if camera.toning == "sepia":
        value = (0.06 + 0.9 * value) * [1.0, 0.87, 0.69]
    elif camera.toning == "faded":
        value = [0.17, 0.12, 0.12] + value * [0.8, 0.78, 0.68]
    levels = np.clip(mixed * (_LEVELS - 1) + 0.5, 0, _LEVELS - 1).astype(np.uint16)
    curves = value.astype(np.float32)
    return np.stack([np.take(curves[:, i], levels[..., i]) for i in range(3)], axis=-1)


def _compress(image: np.ndarray, quality: int) -> np.ndarray:
    """Through a JPEG file and back."""
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
