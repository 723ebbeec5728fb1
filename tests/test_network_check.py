"""What a user's network gives and takes: mended and said, or refused, before anything runs."""

import textwrap
from types import SimpleNamespace

import pytest
import timm
import torch
from torch import nn

from helpers.inputs import classifiers, conversion, photographs, stored_networks
from helpers.saliency import contract, cost_meter, network_check, registry, user_code
from helpers.store import paths
from helpers.trials import battery, conditions, costs, engine, methods, settings


class Small(nn.Module):
    """A convolution, ReLU, mean pooling, and what `after` makes of the logits (N, 5)."""

    def __init__(self, after=None, channels=3, classes=5):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(channels, 8, 3, padding=1)
        self.act, self.head = nn.ReLU(), nn.Linear(8, classes)
        self.after = after or (lambda logits: logits)

    def forward(self, x):
        return self.after(self.head(self.act(self.conv(x)).mean((2, 3))))


@pytest.fixture
def images(generator):
    return torch.rand(2, 3, 32, 32, generator=generator)


def checked(network, images, **options):
    return network_check.prepared(network.eval(), images, **options)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (Small(classes=1), "gives one logit an image.*two classes let it give torch.cat"),
        (Small(lambda y: y[:, 0]), "one number an image"),
        (Small(lambda y: y.softmax(1)), "gives probabilities.*leave off its softmax"),
        (Small(lambda y: y / 0), "NaN or infinite logits for 2 of the first 2"),
        (Small(lambda y: y.argmax(1, keepdim=True).repeat(1, 2)), "gives torch.int64"),
        (Small(lambda y: y[:, :, None, None].expand(-1, -1, 4, 4)), "gives maps .*average them"),
        (Small(lambda y: {"loss": y.sum(), "a": y, "b": y}), "expected logits .* 'logits'"),
        (Small(lambda y: y[:1]), r"gives \(1, 5\); expected logits \(2, classes\)"),
        (Small(lambda y: "five"), "gives str; expected logits"),
        (Small(lambda y: nn.functional.dropout(y)), "other logits to the same images a second"),
        (Small(channels=4), "takes 4 channels"),
    ],
)
def test_a_network_that_cannot_be_tested_is_refused_by_name(network, said, images):
    with pytest.raises(ValueError, match=f"Small.*{said}"):
        checked(network, images)


def test_a_network_that_counts_its_calls_is_refused(images):
    class Counts(Small):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x):
            self.calls += 1
            return super().forward(x)

    with pytest.raises(ValueError, match="Counts changes its own tensor 'calls'"):
        checked(Counts(), images)


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (lambda y: {"loss": y.sum(), "logits": y}, "dict; the entry 'logits' is taken"),
        (lambda y: {"scores": y}, "the entry 'scores' is taken"),
        (lambda y: (y, y.sum()), "tuple; the first tensor is taken"),
        (lambda y: [y], "list; the first tensor is taken"),
        (lambda y: SimpleNamespace(logits=y), "the entry 'logits' is taken"),
        (lambda y: y[:, :, None, None], "maps of one cell"),
    ],
)
def test_logits_are_taken_out_of_what_holds_them_and_that_is_said(after, said, images):
    plain = Small().eval()

    found = checked(Small(after), images)

    torch.testing.assert_close(found.network(images), plain(images))
    assert any(said in note for note in found.notes)
    for kind in ("gradient", "relevance", "activation map"):  # all see through the wrapper
        for explain in registry.METHODS[kind].values():
            torch.testing.assert_close(
                contract.checked_maps(explain, found.network, images, torch.tensor([0, 1]), seed=0),
                contract.checked_maps(explain, plain, images, torch.tensor([0, 1]), seed=0),
            )


def test_one_channel_gets_the_mean_of_the_colors(images):
    network = Small(channels=1).eval()

    found = checked(network, images)

    gray = images.mean(1, keepdim=True)
    torch.testing.assert_close(found.network(images), network(gray))
    assert any("one channel; it gets the mean" in note for note in found.notes)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32_and_the_users_own_network_stays(kind, images):
    network = Small().to(kind)

    found = checked(network, images)

    assert found.network(images).dtype == torch.float32
    assert network.head.weight.dtype == kind
    assert any(f"{str(kind)[6:]} numbers were converted" in note for note in found.notes)


def test_training_mode_is_left_and_said_and_the_users_network_stays_in_it(images):
    network = Small().train()

    found = network_check.prepared(network, images)

    assert not any(module.training for module in found.network.modules())
    assert network.training
    assert all(weights.requires_grad for weights in network.parameters())
    assert any("was in training mode" in note for note in found.notes)


def test_wrappers_for_training_are_taken_off(images):
    plain = Small().eval()

    parallel = checked(nn.DataParallel(Small()), images)
    compiled = checked(torch.compile(Small(), backend="eager"), images)

    for found, name in ((parallel, "DataParallel"), (compiled, "OptimizedModule")):
        assert type(found.network).__name__ == "Small"
        torch.testing.assert_close(found.network(images), plain(images))
        assert f"Small was taken out of {name}." in found.notes


def test_a_traced_network_runs_and_its_activation_maps_are_gaps(images):
    found = checked(torch.jit.trace(Small().eval(), images), images)

    assert found.has_gradients
    assert any("Activation maps are gaps: no layer of" in note for note in found.notes)
    with pytest.raises(contract.NotApplicable):
        registry.METHODS["activation map"]["Grad-CAM"](found.network, images, torch.tensor([0, 1]))
    with pytest.raises(contract.NotApplicable, match="cannot be traced"):
        registry.METHODS["relevance"]["LRP-0"](found.network, images, torch.tensor([0, 1]))
    maps, cost = cost_meter.maps_and_cost(
        registry.METHODS["gradient"]["Gradient"],
        found.network,
        images,
        torch.tensor([0, 1]),
        seed=0,
    )
    assert maps.any()
    assert (cost.forward, cost.backward) == (2, 2)


def test_a_network_of_a_fixed_size_says_which(images):
    fixed = nn.Sequential(nn.Flatten(), nn.Linear(3 * 224 * 224, 4))
    gray = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 4))

    with pytest.raises(ValueError, match=r"takes \(3, 224, 224\): give -p side 224"):
        checked(fixed, images)
    with pytest.raises(ValueError, match=r"takes \(1, 28, 28\): give -p side 28"):
        checked(gray, images)


def test_a_vit_at_another_side_says_which_it_wants(images):
    network = timm.create_model("vit_tiny_patch16_224", depth=1, num_classes=4)

    with pytest.raises(ValueError, match=r"takes \(3, 224, 224\)"):
        checked(network, images)


def test_batchnorm_without_statistics_is_said_to_mix_images(images):
    class Mixing(Small):
        def __init__(self):
            super().__init__()
            self.act = nn.Sequential(nn.BatchNorm2d(8, track_running_stats=False), nn.ReLU())

    found = checked(Mixing(), images)

    assert any("depend on the images beside it" in note for note in found.notes)


def test_logarithms_of_probabilities_are_said(images):
    found = checked(Small(lambda y: y.log_softmax(1)), images)

    assert any("logarithms of probabilities" in note for note in found.notes)


class WithoutGradients(Small):
    forward = torch.no_grad()(Small.forward)


def test_a_network_without_gradients_loses_what_needs_them_and_keeps_the_rest(
    images, tmp_path, monkeypatch
):
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    found = checked(WithoutGradients(), images)
    small = settings.parse(
        settings.of_profile("smoke") | {"cifar_count": 2, "evaluations": 24, "stages": "20"}
    )
    base = conditions.clean(found.network, images, brought=True)
    cases = [
        base, *conditions.attack_family(base, 0.05, seed=0),
        conditions.layers_randomized(base, 1.0, seed=0),
    ]  # fmt: skip
    compared = methods.registered(small)
    cells = dict(engine.run_cells(compared, {case.name: case for case in cases}, 0))

    assert not found.has_gradients
    assert any("no gradient for the image" in note for note in found.notes)
    for method in compared:
        lost = method.kind in ("gradient", "relevance", "activation map")
        cell = cells[method.name, "clean"]
        if method.kind == "control" or method.name == "RISE":
            assert isinstance(cell, engine.Maps)
        if lost:
            assert "no gradient for the image" in cell.reason
            assert cell.traceback == ""
        assert cells[method.name, conditions.ATTACKED].reason == conditions.NO_ATTACK


def test_a_network_without_weights_is_explained_and_not_shuffled(images):
    class Fixed(nn.Module):
        def forward(self, x):
            return torch.stack([x[:, 0].mean((1, 2)), x[:, 1].amax((1, 2))], 1)

    found = checked(Fixed(), images)
    base = conditions.clean(found.network, images, brought=True)

    with pytest.raises(contract.NotApplicable, match="no layer with weights"):
        registry.METHODS["relevance"]["LRP-0"](found.network, images, torch.tensor([0, 1]))
    cell = engine.run_cell(methods.Method("m", "gradient", registry.METHODS["gradient"]["Gradient"],
                                          "m"), base, 0)  # fmt: skip
    assert cell.maps.shape == (2, 32, 32)
    assert "no weights" in conditions.layers_randomized(base, 1.0, seed=0).gap


def test_a_layer_can_be_chosen_and_a_wrong_name_lists_candidates(images):
    def network():
        return nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3),
        )  # fmt: skip

    last, chosen = checked(network(), images), checked(network(), images, layer="1")

    assert "Activation maps look at 3 (4 maps of 28 x 28)." in last.notes
    assert "Activation maps look at 1 (8 maps of 30 x 30)." in chosen.notes
    grad_cam = registry.METHODS["activation map"]["Grad-CAM"]
    maps = [grad_cam(found.network, images, torch.tensor([0, 1])) for found in (last, chosen)]
    assert not torch.equal(*maps)
    with pytest.raises(
        ValueError, match=r"'layer9' is no layer of the network; some that do.*3, 2"
    ):
        checked(network(), images, layer="layer9")
    with pytest.raises(ValueError, match="'6' gives no grid over the image"):
        checked(network(), images, layer="6")


def test_a_network_with_view_comes_contiguous_and_runs(tmp_path, monkeypatch, images):
    source = """
    import torch
    from torch import nn

    class Viewing(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4 * 30 * 30, 3)
            self.act = nn.ReLU()

        def forward(self, x):
            return self.head(self.act(self.conv(x)).view(x.size(0), -1))

    def load():
        return Viewing()
    """
    (tmp_path / "viewing.py").write_text(textwrap.dedent(source))
    monkeypatch.chdir(tmp_path)

    found = checked(user_code.load_network("viewing:load"), images)

    assert classifiers.layout(found.network) == torch.contiguous_format
    for kind in ("gradient", "relevance", "activation map"):
        for explain in registry.METHODS[kind].values():
            assert explain(found.network, images, torch.tensor([0, 1])).isfinite().all()


def test_only_our_own_networks_lie_channels_last():
    ours = classifiers.load_imagenet("tf_efficientnet_lite0").network

    assert classifiers.layout(ours) == torch.channels_last
    assert classifiers.layout(Small()) == torch.contiguous_format


def test_timm_keeps_the_classes_and_the_size_of_its_weights(monkeypatch):
    asked = {}
    create = timm.create_model

    def offline(name, *, pretrained, **options):
        asked.update(name=name, pretrained=pretrained, **options)
        return create(name.split(".")[0], pretrained=False, num_classes=options.get(
            "num_classes", 21843))  # fmt: skip

    monkeypatch.setattr(timm, "create_model", offline)

    network = user_code.load_network("timm:vit_tiny_patch16_224.augreg_in21k")

    assert asked == {"name": "vit_tiny_patch16_224.augreg_in21k", "pretrained": True}
    assert network.body.head.out_features == 21843
    assert network.size == 224


def test_timm_weights_without_classes_are_refused(monkeypatch):
    create = timm.create_model
    monkeypatch.setattr(
        timm, "create_model", lambda name, pretrained: create(name, pretrained=False, num_classes=0)
    )

    with pytest.raises(ValueError, match="resnet18 have no classes: it gives features"):
        user_code.load_network("timm:resnet18")


@pytest.mark.parametrize(("name", "right"), [("tf_mobilenetv2_100", 18), ("squeezenet1_1", 14)])
def test_networks_of_xai_data_are_right_as_often_as_they_should(name, right):
    if paths.xai_data() is None or not (paths.xai_data() / "networks").is_dir():
        pytest.skip("XAI_DATA has no networks")
    network, layer = classifiers.load_imagenet(name)
    found = photographs.foolbox_imagenet(network.size)

    with torch.no_grad():
        logits = network(conversion.to_unit(found.pixels).to(classifiers.default_device()))

    assert int((logits.argmax(1).cpu() == found.labels).sum()) == right
    assert isinstance(network.get_submodule(layer), nn.Module)


@pytest.mark.parametrize("name", stored_networks.SHA256)
def test_without_xai_data_a_network_of_it_says_where_its_weights_are(name, monkeypatch):
    monkeypatch.delenv("XAI_DATA", raising=False)

    with pytest.raises(ValueError, match=f"{name}.safetensors in XAI_DATA/networks, and XAI_DATA"):
        user_code.load_network(name)


def test_an_altered_file_of_xai_data_is_refused(tmp_path, monkeypatch):
    (tmp_path / "networks").mkdir()
    (tmp_path / "networks" / "squeezenet1_1.safetensors").write_bytes(b"altered")
    monkeypatch.setenv("XAI_DATA", str(tmp_path))

    with pytest.raises(ValueError, match="it was altered or cut short"):
        user_code.load_network("squeezenet1_1")


def test_all_conditions_of_a_checked_network_know_its_layer(images):
    network = Small()
    found = checked(network, images)
    base = conditions.clean(found.network, images)

    shuffled = conditions.layers_randomized(base, 1.0, seed=0)

    assert shuffled.network.cam_layer == found.network.cam_layer == "act"
    assert not hasattr(network, "cam_layer")  # a later run may choose another
    assert battery.mean_probability(base) > 0


def test_the_error_of_conservation_stands_beside_each_rule(images):
    """Small's maps are linear in the image where ReLU is open, so LRP-0 keeps all but biases."""
    found = checked(Small(), images)
    small = settings.parse(settings.of_profile("smoke"))
    base = conditions.clean(found.network, images)

    table = costs.conservation(methods.registered(small), base).set_index("method")

    assert list(table.index) == list(registry.METHODS["relevance"])
    assert not table.gap.any()
    zero = registry.METHODS["relevance"]["LRP-0"](base.network, base.images, base.classes)
    logits = base.network(images).gather(1, base.classes[:, None])[:, 0]
    error = 100 * ((zero.sum((1, 2)) - logits) / logits).abs().mean()
    assert table["error, % of the logit"]["LRP-0"] == pytest.approx(float(error), rel=1e-3)
    assert table["should keep"]["LRP-epsilon"] == "all but what biases and epsilon take"


def test_a_rule_without_a_map_has_its_reason_in_the_table(images):
    base = conditions.clean(WithoutGradients().eval(), images, brought=True)

    table = costs.conservation(
        methods.registered(settings.parse(settings.of_profile("smoke"))), base
    )

    assert table.gap.str.contains("no gradient for the image").all()
    assert table.logit.isna().all()


def test_a_method_that_cannot_be_derived_does_not_blame_a_network_that_can(images):
    def explain(model, images, classes):
        return torch.autograd.grad(torch.ones(1, requires_grad=True).sum(), torch.ones(1))[0]

    network = Small().eval()

    with pytest.raises(RuntimeError, match="does not require grad"):
        contract.needs_gradients(explain)(network, images, torch.tensor([0, 1]))
