"""Faces that cost nothing: flat colours that tell the expression, and a detector that knows where they are."""

import numpy as np

from ifgan_tf.faces.detection import Detection
from ifgan_tf.faces.geometry import TEMPLATE
from ifgan_tf.labels import EXPRESSIONS


class CentredFaces:
    """Finds one face in the middle of any image that is not black."""

    def detect(self, image, *, second_look=True):
        if image.mean() < 5:
            return []
        side = min(image.shape[:2])
        centre = np.array(image.shape[1::-1]) / 2
        points = np.vstack([TEMPLATE, [(104, 180), (152, 180)]])
        landmarks = ((points - 128) * side / 256 + centre).astype(np.float32)
        box = np.array([*(centre - side / 4), side / 2, side / 2], np.float32)
        return [Detection(box, 0.99, landmarks)]


def coloured_face(person, expression):
    """A red whose strength tells the expression; contempt is shown as none of the seven."""
    number = EXPRESSIONS.index(expression) if expression in EXPRESSIONS else 7
    face = np.zeros((64, 64, 3), np.uint8)
    face[:] = (60 + 25 * number, 10, 20)
    return face


def expression_shown(image):
    """The expression that an image of a coloured face shows, grey or not, brightness varied by 5 %."""
    red, green, blue = np.median(image[::8, ::8].reshape(-1, 3).astype(float), axis=0)
    if red == green == blue:
        red = (red - 0.587 * 10 - 0.114 * 20) / 0.299
    return (*EXPRESSIONS, "contempt")[round((red / 0.975 - 60) / 25)]
