import pytest
import torch
from torchvision.transforms.v2 import functional as tv

from helpers.inputs import corruptions


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images(generator):
    return torch.rand(4, 3, 12, 12, generator=generator)


@pytest.mark.parametrize("name", corruptions.CORRUPTIONS)
def test_strength_zero_gives_the_images_back(images, name):
    assert torch.equal(corruptions.corrupt(images, name, 0, seeded()), images)


@pytest.mark.parametrize("name", corruptions.CORRUPTIONS)
def test_same_seed_gives_same_images_and_leaves_the_originals_alone(images, name):
    before = images.clone()
    first = corruptions.corrupt(images, name, 5, seeded())

    assert torch.equal(first, corruptions.corrupt(images, name, 5, seeded()))
    assert not torch.equal(first, corruptions.corrupt(images, name, 5, seeded(1)))
    assert torch.equal(images, before)
    assert first.min() >= 0
    assert first.max() <= 1


def test_noise_has_the_deviation_asked_for_where_nothing_is_clipped():
    grey = torch.full((2, 3, 64, 64), 0.5)

    noise = corruptions.corrupt(grey, "gaussian noise", 0.1, seeded()) - grey

    assert noise.std().item() == pytest.approx(0.1, rel=0.03)
    assert noise.mean().item() == pytest.approx(0, abs=0.003)


def test_a_quarter_turn_is_exact_and_anticlockwise(images):
    turned = corruptions.rotate(images, torch.full((4,), 90.0))

    torch.testing.assert_close(turned, images.rot90(1, (2, 3)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("angle", [-30.0, 7.0, 30.0])
def test_rotation_equals_torchvisions(angle):
    images = torch.rand(1, 3, 9, 14, generator=seeded())

    turned = corruptions.rotate(images, torch.tensor([angle]))

    expected = tv.rotate(images, angle, interpolation=tv.InterpolationMode.BILINEAR)
    torch.testing.assert_close(turned, expected, atol=1e-4, rtol=0)


def test_angles_fill_the_range_evenly():
    angles = corruptions.draw_angles(4000, 30, seeded())

    assert angles.abs().max() <= 30
    assert angles.mean().item() == pytest.approx(0, abs=1)
    assert angles.std().item() == pytest.approx(30 / 3**0.5, rel=0.03)


def test_occlusion_blackens_exactly_as_many_pixels_in_all_channels_at_places_of_their_own(images):
    worse = corruptions.corrupt(images.clamp(min=0.001), "occlusion", 20, seeded())

    black = worse.eq(0)
    assert black.all(1).sum((1, 2)).tolist() == [20] * 4
    assert torch.equal(black.all(1), black.any(1))
    assert not torch.equal(black[0], black[1])


def test_blurred_occlusion_puts_the_mean_of_the_neighbours():
    images = torch.zeros(1, 1, 5, 5)
    images[0, 0, 2, 2] = 1

    worse = corruptions.corrupt(images, "blurred occlusion", 25, seeded())

    assert worse[0, 0, 2, 2].item() == pytest.approx(1 / 25)
    assert worse[0, 0, 0, 0].item() == pytest.approx(1 / 9)  # a corner has 3 x 3 neighbours


@pytest.mark.parametrize(
    ("name", "strength", "message"),
    [
        ("fog", 1, "no corruption 'fog'; there are: gaussian noise, rotation"),
        ("rotation", -5, "strength of rotation is -5; expected a finite number, 0 or more"),
        ("gaussian noise", float("nan"), "expected a finite number"),
        ("occlusion", 2.5, "expected a whole number"),
        ("occlusion", 145, "145 pixels to occlude; the images have 144"),
    ],
)
def test_what_makes_no_corruption_is_refused(images, name, strength, message):
    with pytest.raises(ValueError, match=message):
        corruptions.corrupt(images, name, strength, seeded())


def test_images_of_another_range_are_refused(images):
    with pytest.raises(ValueError, match="divide by 255"):
        corruptions.corrupt(255 * images, "rotation", 5, seeded())


def test_an_affine_map_by_hand_mirrors_shifts_and_resizes():
    image = torch.arange(8.0).view(1, 1, 2, 4)
    mirror = torch.tensor([[[-1.0, 0, 0], [0, 1, 0]]])
    right = torch.tensor([[[1.0, 0, 0.5], [0, 1, 0]]])  # a quarter of the width further right

    assert torch.equal(corruptions.affine(image, mirror), image.flip(3))
    assert corruptions.affine(image, right)[0, 0].tolist() == [[1, 2, 3, 0], [5, 6, 7, 0]]
    assert corruptions.affine(image, right, "border")[0, 0, 0].tolist() == [1, 2, 3, 3]
    assert corruptions.affine(image, mirror.abs(), size=(1, 2)).tolist() == [[[[2.5, 4.5]]]]


@pytest.mark.parametrize("name", list(corruptions.CORRUPTIONS))
def test_batches_that_share_a_generator_are_corrupted_as_all_images_at_once(images, name):
    shared = seeded()

    together = corruptions.corrupt(images, name, 2, seeded())
    parts = [corruptions.corrupt(batch, name, 2, shared) for batch in images.split(2)]

    torch.testing.assert_close(torch.cat(parts), together)
