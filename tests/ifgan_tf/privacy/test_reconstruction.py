"""A photo is rebuilt from what is left of it."""

from __future__ import annotations

from crowd import BACKGROUND, TARGETS, group, portraits, same_for_all

from ifgan_tf.privacy.reconstruction import reconstruct


def test_a_photo_is_rebuilt_from_what_is_left_of_it_and_no_better_without():
    background, targets = group(BACKGROUND * 4), group(TARGETS)
    photos = (portraits(background, 0, 4), portraits(targets, BACKGROUND * 4, 5))
    pictures = {
        "photo": photos,
        "half": (photos[0] // 2, photos[1] // 2),
        "generated": (same_for_all(background, 1), same_for_all(targets, 2)),
    }
    psnr = {k: v.value for k, v in reconstruct(pictures, background, targets, 0)["reconstruction_psnr"].items()}
    assert set(psnr) == {"constant", "average", "half", "generated"}
    assert psnr["average"] >= psnr["constant"]  # the expression is known
    assert psnr["half"] > psnr["average"] + 3
    assert psnr["generated"] < psnr["average"] + 0.5  # nothing of the person to rebuild
