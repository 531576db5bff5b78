"""Disturbed photos: the same for a seed, stronger with the strength, and true to the product."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from worker.evaluation import disturbances
from worker.evaluation.backgrounds import cut_out, draw_background
from worker.evaluation.disturbances import DISTURBANCES, Strength, disturbed, view_of


def ring(edge: int = 96, background: str = "white") -> Image.Image:
    """A red ring around a white centre."""
    photo = Image.new("RGB", (edge, edge), background)
    draw = ImageDraw.Draw(photo)
    draw.ellipse((20, 20, edge - 20, edge - 20), fill=(200, 30, 40))
    draw.ellipse((40, 40, edge - 40, edge - 40), fill="white")
    return photo


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=float)


def test_a_product_is_cut_out_with_what_it_encloses() -> None:
    mask = cut_out(ring())
    assert mask is not None
    found = pixels(mask) > 127
    y, x = np.mgrid[:96, :96]
    disc = (x - 48) ** 2 + (y - 48) ** 2 <= 28**2
    assert (found == disc).mean() > 0.97
    assert found[48, 48]
    assert not found[0].any()


def test_a_flood_goes_around_corners() -> None:
    photo = ring()
    # A spiral of walls: its inside is connected with the border by a passage of many turns.
    draw = ImageDraw.Draw(photo)
    draw.line([(5, 5), (90, 5), (90, 90), (5, 90), (5, 12), (84, 12), (84, 84), (11, 84), (11, 18)],
              fill="black", width=2)  # fmt: skip
    mask = cut_out(photo)
    assert mask is not None
    found = pixels(mask) > 127
    assert not found[50, 16]
    assert found[48, 48]


@pytest.mark.parametrize("photo", [ring(background="teal"), Image.new("RGB", (40, 40), "white")])
def test_nothing_is_cut_out_of_another_background_or_of_nothing(photo: Image.Image) -> None:
    assert cut_out(photo) is None


def test_another_background_leaves_the_product() -> None:
    photo = ring()
    found = disturbed(
        view_of(photo), [disturbances.BACKGROUND], Strength.STRONG, np.random.default_rng(2)
    )
    assert np.abs(pixels(found) - pixels(photo))[30, 48].max() < 12
    assert np.abs(pixels(found) - pixels(photo))[:10].max(axis=2).min() > 15


def test_a_photo_without_a_plain_background_keeps_it() -> None:
    photo = ring(background="teal")
    found = disturbed(
        view_of(photo), [disturbances.BACKGROUND], Strength.STRONG, np.random.default_rng(2)
    )
    assert (pixels(found) == pixels(photo)).all()


def test_backgrounds_differ_and_fill_any_size() -> None:
    drawn = [draw_background((31, 47), np.random.default_rng(seed)) for seed in range(20)]
    assert {image.size for image in drawn} == {(31, 47)}
    assert len({image.tobytes() for image in drawn}) == 20
    assert draw_background((1, 1), np.random.default_rng(0)).size == (1, 1)


@pytest.mark.parametrize("name", DISTURBANCES)
@pytest.mark.parametrize("size", [(96, 96), (60, 80), (5, 3)])
def test_a_seed_disturbs_in_the_same_way(name: str, size: tuple[int, int]) -> None:
    view = view_of(ring().resize(size))
    for strength in Strength:
        one, again, other = (
            disturbed(view, DISTURBANCES[name], strength, np.random.default_rng([seed, 7]))
            for seed in (1, 1, 2)
        )
        assert one.mode == "RGB"
        assert one.tobytes() == again.tobytes()
        if size == (96, 96) and name not in ("blur", "jpeg"):
            assert one.tobytes() != other.tobytes()


@pytest.mark.parametrize("name", [name for name in DISTURBANCES if name != "crop"])
def test_a_stronger_disturbance_changes_more(name: str) -> None:
    photo = ring()
    ImageDraw.Draw(photo).rectangle((60, 10, 86, 34), fill="navy")
    view = view_of(photo)
    changes = []
    for strength in Strength:
        seeds = [np.random.default_rng([5, seed]) for seed in range(20)]
        found = [disturbed(view, DISTURBANCES[name], strength, seed) for seed in seeds]
        different = [pixels(one.resize((96, 96))) - pixels(view.photo) for one in found]
        changes.append(np.mean(np.square(different)))
    assert 0 < changes[0] < changes[1] < changes[2]


def test_a_crop_keeps_the_share_that_it_says() -> None:
    view = view_of(ring(200))
    for strength, least, most in (("mild", 0.9, 0.95), ("strong", 0.6, 0.8)):
        for seed in range(20):
            found = disturbed(
                view, [disturbances.CROP], Strength(strength), np.random.default_rng(seed)
            )
            share = found.width * found.height / 200**2
            assert least - 0.02 <= share <= most + 0.02


def test_a_rotation_is_by_degrees() -> None:
    photo = Image.new("RGB", (101, 101), "white")
    ImageDraw.Draw(photo).rectangle((10, 49, 90, 51), fill="black")
    for seed in range(10):
        found = disturbed(
            view_of(photo), [disturbances.ROTATION], Strength.STRONG, np.random.default_rng(seed)
        )
        y, x = np.nonzero(pixels(found)[:, :, 0] < 128)
        angle = abs(np.degrees(np.arctan(np.polyfit(x, y, 1)[0])))
        assert 7 <= angle <= 15.5
