"""Public functions refuse what would be wrong without a word; Hypothesis makes the cases."""

import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.inputs import conversion, corruptions
from helpers.measures import (
    agreement,
    distributions,
    foreground,
    insertion_deletion,
    intervals,
    localization,
    pairing,
    rankings,
    selections,
    sobel,
    two_groups,
)
from helpers.papers import black_box, cams, elime, pca_cams, peers

settings.register_profile("house", derandomize=True, database=None, deadline=None)
settings.load_profile("house")

N, C, K, SIDE, S = 2, 3, 4, 8, 5  # images, colors, filters, pixels a side, superpixels


def rand(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(len(shape)))


def images():
    return rand(N, C, SIDE, SIDE)


def maps():
    return rand(N, SIDE, SIDE)


def masks():
    return maps() > 0.5


def features():
    return rand(N, K, SIDE, SIDE)


def segments():
    return torch.arange(SIDE * SIDE).view(SIDE, SIDE) % S


def bits():
    return rand(3, S) > 0.5


def boxes():
    return torch.tensor([[0.0, 0, 4, 4], [1, 1, 3, 5]])


def order():
    return rankings.ranking(maps())


def seeded():
    return torch.Generator().manual_seed(0)


def half(images):
    return images.flatten(1).mean(1) / 2


# How each function is called rightly: its arguments, each of a kind that says what spoils it.
IMAGES, MAPS, SIGNED, MASKS, FEATURES, BITS, BOXES, SEGMENTS, ORDER = (
    (images, "images"), (maps, "masses"), (maps, "maps"), (masks, "masks"), (features, "features"),
    (bits, "bits"), (boxes, "boxes"), (segments, "segments"), (order, "order"),
)  # fmt: skip
CALLS = {
    "share_within": (localization.share_within, {"maps": MAPS, "region": MASKS}),
    "entropy": (localization.entropy, {"maps": MAPS}),
    "thresholded": (lambda maps: localization.thresholded(maps, 0.2), {"maps": SIGNED}),
    "otsu": (localization.otsu, {"maps": SIGNED}),
    "box_iou": (localization.box_iou, {"boxes": BOXES, "others": BOXES}),
    "box_dice": (localization.box_dice, {"boxes": BOXES, "others": BOXES}),
    "mask_iou": (localization.mask_iou, {"masks": MASKS, "others": MASKS}),
    "pointing": (localization.pointing, {"maps": SIGNED, "masks": MASKS}),
    "spearman": (rankings.spearman, {"before": SIGNED, "after": SIGNED}),
    "new_positions": (lambda b, a: rankings.new_positions(b, a, 3), {"b": ORDER, "a": ORDER}),
    "break_ties": (lambda maps: rankings.break_ties(maps, seeded()), {"maps": SIGNED}),
    "selection_share": (
        lambda maps, segments: rankings.selection_share(maps, segments, seeded()),
        {"maps": SIGNED, "segments": (lambda: segments().expand(N, -1, -1), "segments")},
    ),
    "agreement": (agreement.agreement, {"before": SIGNED, "after": SIGNED}),
    "jaccard": (selections.jaccard, {"bits": BITS}),
    "shuffled": (lambda bits: selections.shuffled(bits, seeded()), {"bits": BITS}),
    "edge_magnitude": (sobel.edge_magnitude, {"images": IMAGES}),
    "unlike_the_border": (foreground.unlike_the_border, {"images": IMAGES}),
    "deletion_curve": (
        lambda i, m: insertion_deletion.deletion_curve(half, i, m, steps=4),
        {"i": IMAGES, "m": SIGNED},
    ),
    "insertion_curve": (
        lambda i, m: insertion_deletion.insertion_curve(half, i, m, steps=4),
        {"i": IMAGES, "m": SIGNED},
    ),
    "grad_cam": (cams.grad_cam, {"a": FEATURES, "g": FEATURES}),
    "grad_cam_plus_plus": (cams.grad_cam_plus_plus, {"a": FEATURES, "g": FEATURES}),
    "layer_cam": (cams.layer_cam, {"a": FEATURES, "g": FEATURES}),
    "eigen_cam": (pca_cams.eigen_cam, {"a": FEATURES}),
    "haycam": (lambda a, g: pca_cams.haycam(a, g), {"a": FEATURES, "g": FEATURES}),
    "haycam_plus": (lambda a: pca_cams.haycam_plus(a), {"a": FEATURES}),
    "upsample": (lambda maps: cams.upsample(maps, 9), {"maps": (maps, "shape")}),
    "display_scaled": (cams.display_scaled, {"maps": (maps, "finite")}),
    "masked_scores": (
        lambda i, m: black_box.masked_scores(half, i, m),
        {"i": (images, "type"), "m": (lambda: rand(N, 3, SIDE, SIDE), "weights")},
    ),
    "rise": (lambda i: peers.rise(half, i, masks=3, generator=seeded()), {"i": IMAGES}),
    "segment_means": (
        elime.segment_means,
        {"i": (images, "type"), "s": (lambda: segments().expand(N, -1, -1), "segments")},
    ),
    "superpixel_masks": (
        elime.superpixel_masks,
        {"bits": (lambda: bits()[None], "type"), "s": (lambda: segments()[None], "labels")},
    ),
    "to_pixels": (conversion.to_pixels, {"images": (images, "unit")}),
    "unit_images": (conversion.unit_images, {"images": (images, "unit")}),
    "corrupt": (
        lambda images: corruptions.corrupt(images, "gaussian noise", 0.1, seeded()),
        {"images": (images, "unit")},
    ),
}  # fmt: skip


def with_one(values, wrong, place):
    """A copy with one element replaced, at a place that is drawn."""
    values = values.clone().to(torch.float32) if values.dtype == torch.bool else values.clone()
    values.flatten()[place % values.numel()] = wrong
    return values


NAN, INFINITE = [lambda v, p: with_one(v, math.nan, p)], [lambda v, p: with_one(v, -math.inf, p)]
FINITE = NAN + INFINITE
SHAPE = [lambda v, p: v[0], lambda v, p: v[None], lambda v, p: v[:0]]
BYTES = [lambda v, p: (255 * v).to(torch.uint8)]
SPOILED = {
    "finite": FINITE,
    "shape": [*SHAPE[:2], *BYTES],
    "type": BYTES,
    "unit": [*FINITE, lambda v, p: with_one(v, -0.01, p), lambda v, p: with_one(v, 1.01, p),
             lambda v, p: 255 * v],
    "maps": [*FINITE, lambda v, p: v[:, :-1], *SHAPE[:1]],
    "masses": [*FINITE, *SHAPE[:2], lambda v, p: with_one(v, -1e-3, p), lambda v, p: v - 0.5],
    "images": [*FINITE, *SHAPE[1:], *BYTES],
    "features": [*FINITE, *SHAPE, *BYTES],
    "masks": [lambda v, p: v.to(torch.uint8) * 255, lambda v, p: with_one(v, 0.5, p),
              lambda v, p: v.float() - 1, lambda v, p: v[..., :-1]],
    "bits": [lambda v, p: v.to(torch.uint8) * 255, lambda v, p: with_one(v, 0.5, p), SHAPE[0]],
    "boxes": [*FINITE, *SHAPE, lambda v, p: v[:, [2, 1, 0, 3]], lambda v, p: v[:, :3],
              lambda v, p: v[:1]],
    "segments": [lambda v, p: with_one(v, -1, p), lambda v, p: v.float(), lambda v, p: v[..., :-1]],
    "labels": [lambda v, p: with_one(v, -1, p), lambda v, p: v.float(), lambda v, p: v + 1],
    "order": [lambda v, p: v.float(), lambda v, p: v[0], lambda v, p: v[:, :-1]],
    "weights": [*FINITE, *BYTES, lambda v, p: with_one(v, -0.1, p),
                lambda v, p: with_one(v, 1.1, p)],
}  # fmt: skip
CASES = [
    pytest.param(name, key, number, id=f"{name}-{key}-{kind}{number}")
    for name, (_, arguments) in CALLS.items()
    for key, (_, kind) in arguments.items()
    for number in range(len(SPOILED[kind]))
    # one map alone may be of any size
    if not (kind == "maps" and number >= 2 and len(arguments) == 1)
]


@pytest.mark.parametrize("name", CALLS)
def test_what_is_right_is_taken(name):
    function, arguments = CALLS[name]

    assert function(*(make() for make, _ in arguments.values())) is not None


@pytest.mark.parametrize(("name", "key", "number"), CASES)
@settings(max_examples=4, suppress_health_check=list(HealthCheck))
@given(place=st.integers(0, 10_000))
def test_what_would_be_wrong_in_silence_is_refused_in_a_sentence(name, key, number, place):
    function, arguments = CALLS[name]
    kind = arguments[key][1]
    called = {
        each: SPOILED[kind][number](make(), place) if each == key else make()
        for each, (make, _) in arguments.items()
    }

    with pytest.raises(ValueError, match=r"expected|hold|no foreground|one image") as caught:
        function(*called.values())

    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


@settings(max_examples=50)
@given(
    steps=st.one_of(st.integers(-5, 0), st.integers(SIDE * SIDE + 1, 10_000), st.floats(1.1, 9.9)),
    single=st.booleans(),
)
def test_steps_beyond_the_pixels_are_refused(steps, single):
    image, saliency = (images()[0], maps()[0]) if single else (images(), maps())
    if steps == int(steps) and 1 <= steps <= SIDE * SIDE:
        return
    with pytest.raises(ValueError, match=f"expected 1 to {SIDE * SIDE}, the pixels there are"):
        insertion_deletion.deletion_curve(half, image, saliency, steps=steps)


@settings(max_examples=50)
@given(value=st.floats(-1e3, 1e3, width=32))
def test_a_constant_map_has_no_order_no_mass_of_its_own_and_no_highest_cell(value):
    constant = torch.full((1, SIDE, SIDE), value)

    assert rankings.spearman(constant, maps()[:1]).isnan().all()
    assert agreement.agreement(constant, maps()[:1]).isnan().all()
    assert cams.display_scaled(constant).eq(0).all()
    if value <= 0:
        assert not localization.pointing(constant, torch.ones(1, SIDE, SIDE).bool()).any()
        assert not localization.thresholded(constant, 0.2).any()
    if value == 0:
        assert localization.share_within(constant, masks()[:1]).isnan().all()
        assert localization.entropy(constant).isnan().all()
    elif value > 0:
        assert localization.entropy(constant).item() == pytest.approx(6, rel=1e-5)  # bits


@settings(max_examples=30)
@given(value=st.floats(0, 1, width=32), index=st.integers(0, N - 1))
def test_an_image_of_one_color_has_no_foreground(value, index):
    plain = images()
    plain[index] = value

    with pytest.raises(ValueError, match=f"image {index} has one color only"):
        foreground.unlike_the_border(plain)


@settings(max_examples=60)
@given(
    classes=st.lists(st.one_of(st.integers(-3, 8), st.floats(0, 3)), min_size=1, max_size=4),
)
def test_classes_out_of_range_of_another_type_or_number_are_refused(classes):
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(2 * 36, 4)).eval()
    wanted = torch.tensor(classes)
    in_range = 0 <= min(classes) <= max(classes) < 4
    if len(classes) == N and not wanted.is_floating_point() and in_range:
        assert cams.record(network, images(), wanted, "0")[0].shape == (N, 2, 6, 6)
        return
    with pytest.raises(ValueError, match="classes"):
        cams.record(network, images(), wanted, "0")


@settings(max_examples=40)
@given(
    draws=st.one_of(st.integers(-3, 0), st.sampled_from([1.5, math.nan, math.inf])),
    level=st.sampled_from([0.0, 1.0, -0.5, 95.0, math.nan]),
)
def test_an_interval_without_draws_or_of_no_level_is_refused(draws, level):
    values = np.arange(4.0)

    for call in (
        lambda: intervals.mean_interval(values, draws=draws),
        lambda: intervals.mean_interval(values, level=level),
        lambda: intervals.bootstrap_clusters(values, values, np.mean, draws=draws),
        lambda: intervals.bootstrap_means(values.reshape(1, 2, 2), draws=draws, seed=0),
    ):
        with pytest.raises(ValueError, match="expected 1 or more, and a share such as"):
            call()
    with pytest.raises(ValueError, match="hold infinity"):
        intervals.mean_interval(np.array([1, math.inf]))


@pytest.mark.parametrize("group", [[0, 1, 1, 0], [0.0, 1, 1, 0], [True, False, True]])
def test_a_group_that_is_not_bool_is_refused(group):
    """The complement of the number 0 is -1, which is true as well."""
    with pytest.raises(ValueError, match="expected bool, one a value"):
        two_groups.mean_difference(np.arange(4.0), np.array(group))


def test_what_else_would_be_wrong_in_silence_is_refused():
    counts = np.zeros((2, 20_001), int)
    for call, says in (
        (lambda: distributions.grid_quantiles(counts + 1, [0.5, 1.5]), "levels in"),
        (lambda: distributions.grid_mean_and_deviation(counts), "no values"),
        (lambda: distributions.sign_counts(maps() * math.nan, rand(N)), "finite numbers"),
        (lambda: distributions.sign_counts(maps(), rand(N + 1)), "one logit an image"),
        (lambda: insertion_deletion.auc(rand(1)), "two points or more"),
        (lambda: insertion_deletion.auc(torch.tensor([0.1, math.inf])), "finite numbers"),
        (lambda: rankings.overlap(order(), 0), "expected 1 or more"),
        (lambda: rankings.new_positions(order(), order(), 1.5), "a whole number"),
        (lambda: rankings.overlap(order(), 1.5), "expected 1 or more"),
        (lambda: rankings.overlap(order(), math.nan), "expected 1 or more"),
        (lambda: intervals.share_interval(1.5, 3), "expected whole numbers"),
        (lambda: cams.upsample(maps(), 0), "expected whole numbers of 1 or more"),
        (lambda: cams.upsample(maps(), (4, 1.5)), "expected whole numbers of 1 or more"),
        (lambda: cams.display_scaled(maps()[None]), r"expected \(N, H, W\)"),
        (lambda: cams.grad_cam(features(), features().double()), "the same shape and type"),
        (lambda: cams.record(half, images(), [0, 1], "0"), "classes are list"),
        (lambda: cams.record(half, images(), torch.tensor([True, False]), "0"), "one whole number"),
        (lambda: localization.entropy(maps().to(torch.complex64)), "expected real numbers"),
        (lambda: selections.jaccard(bits().to(torch.complex64)), "expected real numbers"),
        (lambda: elime.segment_means(images(), segments().to(torch.complex64)), "expected"),
        (lambda: cams.display_scaled(maps().to(torch.complex64)), "expected real, finite numbers"),
        (lambda: peers.rise(half, images(), masks=1.5, generator=seeded()), "1 or more"),
        (lambda: pairing.partners(rand(4), True), "one whole number an image"),
        (lambda: agreement.agreement(maps(), maps(), torch.ones(SIDE, SIDE)), "expected bool"),
        (lambda: pca_cams.haycam(features(), features(), components=True), "a share"),
        (lambda: elime.superpixels(images()[0]), "expected uint8"),
        (lambda: peers.rise(half, images(), masks=2, keep=0, generator=seeded()), "keep 0"),
        (lambda: insertion_deletion.deletion_curve(half, images(), maps(), steps=4, fill=math.nan),
         "fill values hold NaN"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=says):
            call()
