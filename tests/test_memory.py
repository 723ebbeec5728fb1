"""Where memory runs out, the same comes out in smaller parts: a network that bears few rows."""

import pytest
import torch
from torch import nn

from helpers.inputs import classifiers, devices
from helpers.measures import insertion_deletion
from helpers.papers import decam, lrp, memory
from helpers.saliency import activation_maps, gradients, lime_surrogate, relevance
from helpers.trials import conditions


class Narrow(nn.Module):
    """A small network that has memory for so many images and no more."""

    def __init__(self, most, said="CUDA out of memory. Tried to allocate 2.00 GiB"):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.act, self.pool = nn.ReLU(), nn.AdaptiveAvgPool2d(2)
        self.flat, self.head = nn.Flatten(), nn.Linear(16, 3)
        self.most, self.said, self.sizes = most, said, []
        self.double().eval().requires_grad_(False)

    def forward(self, images):
        if images.shape[0] > self.most:
            raise RuntimeError(self.said)
        self.sizes.append(len(images))
        return self.head(self.flat(self.pool(self.act(self.first(images)))))


WIDE = 10_000
CLASSES = torch.tensor([0, 1, 2, 0, 1])


@pytest.fixture
def images(generator):
    return torch.rand(5, 3, 8, 8, generator=generator, dtype=torch.float64)


def scored(network, probability=True):
    return torch.no_grad()(classifiers.class_score(network, CLASSES, probability=probability))


def seeded():
    return torch.Generator().manual_seed(0)


EVERYTHING = {
    "logits": lambda n, x: conditions.logits_of(n, x),
    "score": lambda n, x: scored(n)(x),
    "deletion": lambda n, x: insertion_deletion.deletion_curve(
        scored(n), x, x.mean(1), steps=4, batch_size=10
    ),
    "DE-CAM": lambda n, x: (
        decam.de_cam(
            scored(n, False), x, area_weight=1.0, population=6, iterations=2, generator=seeded()
        ).maps
    ),
    "gradient": lambda n, x: gradients.gradient(n, x, CLASSES),
    "gradient x input": lambda n, x: gradients.gradient_x_input(n, x, CLASSES),
    "Integrated Gradients": lambda n, x: gradients.integrated_gradients(n, x, CLASSES, steps=12),
    "FullGrad": lambda n, x: activation_maps.full_grad(n, x, CLASSES),
    "LIME": lambda n, x: lime_surrogate.weights(
        n, x[0], 1, (torch.arange(64) // 16).view(8, 8), evaluations=20, seed=0
    ),
}


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_network_that_bears_two_images_gives_what_one_gives_that_bears_all(name, images):
    if name == "LIME":
        images = images.float()
    wide, narrow = (Narrow(most).to(images.dtype) for most in (WIDE, 2))

    expected, found = (EVERYTHING[name](network, images) for network in (wide, narrow))

    torch.testing.assert_close(found, expected)
    assert max(narrow.sizes) <= 2 < max(wide.sizes)


def test_relevance_is_made_in_parts_where_memory_is_short(images, monkeypatch):
    network, sizes = Narrow(WIDE), []
    expected = relevance.lrp_map(lrp.epsilon(1.0), network, images, CLASSES)
    whole = lrp.relevance

    def narrow(network, inputs, classes, rule):
        if len(inputs) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        sizes.append(len(inputs))
        return whole(network, inputs, classes, rule)

    monkeypatch.setattr(lrp, "relevance", narrow)

    found = relevance.lrp_map(lrp.epsilon(1.0), network, images, CLASSES)

    torch.testing.assert_close(found, expected)
    assert sizes == [2, 2, 1]


def test_a_lack_of_memory_while_a_network_is_traced_is_no_word_about_the_network(images):
    with pytest.raises(RuntimeError, match="out of memory"):
        relevance.lrp_map(lrp.epsilon(1.0), Narrow(0), images, CLASSES)


def test_the_size_that_fits_is_kept_for_the_next_call(images):
    narrow = Narrow(2)
    evaluate = memory.InParts(narrow)

    for _ in range(2):
        evaluate(images)

    assert evaluate.most == 2
    assert narrow.sizes == [2, 2, 1] * 2
    assert evaluate(images[:1]).shape == (1, 3)
    assert evaluate.most == 2


def test_with_enough_memory_the_function_gets_the_tensors_themselves(images):
    seen = []
    result = memory.InParts(lambda *given: seen.append(given) or given[0])(images, CLASSES)

    assert result is images
    assert seen[0][1] is CLASSES
    assert memory.InParts(lambda x: x)(images[:0]).shape == (0, 3, 8, 8)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("HIP out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
    ],
)
def test_halving_goes_on_until_it_fits_or_a_single_row_does_not(error):
    sizes = []

    def work(size, fits):
        sizes.append(size)
        if size > fits:
            raise error

    assert memory.halve_when_full(lambda size: work(size, 3), 16) == 2
    assert sizes == [16, 8, 4, 2]
    with pytest.raises(type(error)):
        memory.halve_when_full(lambda size: work(size, 0), 2)


def test_another_error_passes_at_once(images):
    broken = Narrow(2, "shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        memory.InParts(broken)(images)
    assert broken.sizes == []


class Card:
    def __init__(self, gibibytes):
        self.total_memory = gibibytes * 2**30


@pytest.mark.parametrize(
    ("gibibytes", "shape", "batch"),
    [
        (139, (3, 224, 224), 256),  # 256 x 64 x 0.6 MB = 9.9 GB
        (16, (3, 224, 224), 128),  # 8 GiB hold 223
        (6, (3, 224, 224), 64),
        (16, (3, 32, 32), 256),
        (1, (3, 2048, 2048), 1),
    ],
)
def test_the_batch_follows_from_the_cards_memory_and_the_images_size(
    monkeypatch, gibibytes, shape, batch
):
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: Card(gibibytes))

    assert devices.batch_that_fits(shape, torch.device("cuda")) == batch


def test_a_processor_gets_batches_of_32_whatever_the_images_size():
    assert devices.batch_that_fits((3, 8, 8), torch.device("cpu")) == 32
    assert devices.batch_that_fits((3, 2048, 2048), torch.device("cpu")) == 32


def test_vgg19_holds_less_than_the_allowance_of_its_input():
    """Two maps of 64 channels of the image's size: the most that a network here holds at once."""
    held = 2 * 64 * 224 * 224 * 4

    assert held < devices.HELD * 3 * 224 * 224 * 4
