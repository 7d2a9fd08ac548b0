"""What the data-set tests share."""

import pytest
from coloured_faces import CentredFaces

from datasets import alignment


@pytest.fixture
def centred_faces(monkeypatch):
    """Replaces MTCNN in this process."""
    monkeypatch.setattr(alignment, "detector", CentredFaces)
