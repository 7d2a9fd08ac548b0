"""Contact sheets: every picture where its row and column say, names beside them and inside the sheet."""

import numpy as np
import pytest

from datasets.synthetic_faces.contact_sheet import contact_sheet


def plain(value, shape=(20, 20)):
    return np.full((*shape, 3), value, np.uint8)


def has_ink(part):
    return bool((part < 150).any())


def test_pictures_stand_in_order():
    sheet = contact_sheet([plain(10 * i) for i in range(5)], columns=3, side=64)
    assert sheet.dtype == np.uint8 and sheet.shape == (4 + 2 * 68, 4 + 3 * 68, 3)
    for number in range(5):
        row, column = divmod(number, 3)
        assert (sheet[4 + 68 * row :, 4 + 68 * column :][:64, :64] == 10 * number).all()
    assert (sheet[72:, 140:] == 255).all()  # the sixth place is empty
    assert (sheet[:4] == 255).all() and (sheet[68:72] == 255).all()


def test_names_stand_beside_rows_and_above_columns():
    pictures = [plain(200)] * 4
    bare = contact_sheet(pictures, 2, side=100)
    named = contact_sheet(pictures, 2, ["one", "two"], ["left", "right"], side=100)
    left, top = named.shape[1] - bare.shape[1], named.shape[0] - bare.shape[0]
    assert left > 0 and top > 0
    np.testing.assert_array_equal(named[top:, left:], bare)
    for row in range(2):
        assert has_ink(named[top + 4 + 104 * row :, : left + 4][:100])
    for column in range(2):
        assert has_ink(named[: top + 4, left + 4 + 104 * column :][:, :100])
    assert not has_ink(named[:2]) and not has_ink(named[:, :2])


def test_a_long_name_stays_above_its_column():
    sheet = contact_sheet([plain(200)] * 2, 2, column_names=["a very long name of a column indeed", ""], side=80)
    header = sheet[: sheet.shape[0] - 84]
    assert has_ink(header[:, 4:84]) and not has_ink(header[:, 86:])


def test_pictures_of_other_shapes_keep_them():
    sheet = contact_sheet([plain(0, (30, 60))], 1, side=64)
    dark = np.argwhere(sheet[..., 0] < 100)
    assert (dark.max(axis=0) - dark.min(axis=0) + 1).tolist() == [32, 64]


@pytest.mark.parametrize("names", [{"row_names": ["one"]}, {"column_names": ["a", "b", "c"]}])
def test_as_many_names_as_places(names):
    with pytest.raises(ValueError, match="expected one each, or none"):
        contact_sheet([plain(0)] * 4, 2, **names)


def test_no_pictures():
    with pytest.raises(ValueError, match="at least one picture"):
        contact_sheet([], 2)
