"""The runner: what it refuses, what it writes, what it leaves alone."""

import json
import logging
import os
import signal
import subprocess
import sys
import time

import nbformat
import pandas as pd
import pytest
import small_project
from PIL import Image

from helpers.report import counted
from helpers.run import __main__, card, carry, execute, origin, pages, parameters, targets
from helpers.run import notebook as notebook_cells
from helpers.store import files, paths, reading

NAME = "lrp_adversarial"


def test_given_parameters_replace_the_profiles():
    values = parameters.resolve(NAME, "laptop", [("seed", "3")])

    assert values["seed"] == 3
    assert values["profile"] == "laptop"
    assert values["arm_a_groups"] == 50


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("sede", "3"), "no parameter 'sede'; it has: seed"),
        (("seed", "three"), "seed is 'three'; expected a whole number from 0 to 1000000"),
        (("seed", "0.5"), "seed is 0.5; expected a whole number"),
        (("seed", True), "seed is True; expected a whole number"),
        (("seed", "nan"), "seed is nan; expected a whole number"),
        (("seed", [1]), "seed is \\[1\\]; expected a whole number"),
        (("seed", None), "seed is None; expected a whole number"),
        (("seed", " 3"), "seed is ' 3'; expected a whole number"),
        (("seed", "3\n"), r"seed is '3\\n'; expected a whole number"),
        (("seed", "３"), "seed is '３'; expected a whole number"),
        (("seed", "1_000"), "seed is '1_000'; expected a whole number"),
        (("seed", "0x10"), "seed is '0x10'; expected a whole number"),
        (("seed", "9" * 5000), r"seed is '9{79}… \(5002 characters\); expected a whole number"),
        (("arm_a_groups", "51"), "arm_a_groups is 51; expected a whole number from 0 to 50"),
        (("download", "perhaps"), "download is 'perhaps'; expected true or false"),
        (("download", 1), "download is 1; expected true or false"),
        (("profile", "paper"), "profile is given twice"),
    ],
)
def test_a_wrong_parameter_is_told_with_what_is_allowed(given, says):
    with pytest.raises(parameters.WrongParameter, match=says):
        parameters.resolve(NAME, "smoke", [given])


@pytest.mark.parametrize(
    ("name", "key", "came", "meant"),
    [
        (NAME, "seed", 3.0, 3),
        (NAME, "seed", "1e3", 1000),
        (NAME, "download", "TRUE", True),
        (NAME, "download", "false", False),
        ("decam", "weight", 1, 1.0),
        ("decam", "weight", "0.5", 0.5),
        ("decam", "area_weights", 20, "20"),
        ("decam", "area_weights", "0 20", "0 20"),
        ("decam", "precision", "bfloat16", "bfloat16"),
    ],
)
def test_guesses_of_papermill_are_taken_where_there_is_one_reading(name, key, came, meant):
    value = parameters.resolve(name, "smoke", [(key, came)])[key]

    assert value == meant
    assert type(value) is type(meant)


@pytest.mark.parametrize(
    ("key", "wrong", "right"),
    [
        ("method", "my_method.py", "numpy:mean"),
        ("method", "json:loads", "numpy:mean"),
        ("method", "os:system", "numpy:mean"),
        ("levels", "2", "0.02 0.5 1"),
        ("strengths", "rotation", "rotation 15; gaussian noise 0.1"),
        ("stages", "7", "1 20"),
        ("model", "resnet18", "timm:resnet18.tv_in1k"),
        ("images", "/nonexistent", ""),
        ("levels", "0.0", "0.5"),
        ("levels", "0.5 1 0.5", "0.5 0.55"),
        ("stages", "1 1", "1 2"),
        ("strengths", "occlusion 0.5", "occlusion 5"),
        ("strengths", "rotation 15;", "rotation 15"),
        ("strengths", "rotation 15; rotation 15", "rotation 15; rotation 1"),
        ("strengths", "gaussian noise 0.1;gaussian noise 0.1 ", "gaussian noise 0.1"),
        ("strengths", "rotation 181", "rotation 180"),
        ("strengths", "occlusion 0", "occlusion 10"),
        ("strengths", "gaussian noise 0.0", "gaussian noise 0.05"),
    ],
)
def test_texts_are_checked_by_their_pattern(key, wrong, right):
    with pytest.raises(parameters.WrongParameter, match=f"{key} is '?{wrong}'?[;:] "):
        parameters.resolve("cross_examination", "smoke", [(key, wrong)])
    assert parameters.resolve("cross_examination", "smoke", [(key, right)])[key] == right


@pytest.mark.parametrize("word", ["1 20\n", "1\n20"])
def test_a_line_break_ends_no_text(word):
    with pytest.raises(parameters.WrongParameter, match="stages is '1"):
        parameters.resolve("cross_examination", "smoke", [("stages", word)])


def test_an_area_weight_is_given_once():
    with pytest.raises(parameters.WrongParameter, match="area_weights is '0 0'"):
        parameters.resolve("decam", "smoke", [("area_weights", "0 0")])


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("cross_examination", {"model": "timm:resnet1"}, "timm has no network 'resnet1'; near it"),
        ("cross_examination", {"model": "torchvision:resnet5"}, "torchvision has no .*resnet50"),
        ("cross_examination", {"layer": "bn3"}, "tf_efficientnet_lite0 has no layer 'bn3'.*bn2"),
        ("cross_examination", {"model": "timm:resnet18", "layer": "layer9"}, "no layer 'layer9'"),
        ("gradcam_training", {"model": "efficientnet_b99"}, "timm has no network.*efficientnet_b"),
        ("gradcam_training", {"layer": "conv_hed"}, "has no layer 'conv_hed'.*conv_head"),
        ("haycam", {"backbone": "resnet81"}, "backbone is 'resnet81': timm has no network"),
        ("haycam", {"layers": "body.layer4 body.layer9"}, "has no layer 'layer9'.*layer4"),
    ],
)
def test_networks_and_layers_of_libraries_are_looked_up_before_the_start(name, given, says):
    with pytest.raises(parameters.WrongParameter, match=says):
        parameters.resolve(name, "smoke", given.items())


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("cross_examination", {"layer": "bn2"}),
        ("cross_examination", {"layer": "body.bn2"}),
        ("cross_examination", {"model": "squeezenet1_1", "layer": "features.11"}),
        ("cross_examination", {"model": "tf_mobilenetv2_100"}),
        ("cross_examination", {"model": "my_network:load", "layer": "whatever"}),
        ("gradcam_training", {"model": "resnet18", "layer": "layer4"}),
        ("haycam", {"backbone": "resnet18.tv_in1k"}),
    ],
)
def test_names_that_the_library_knows_pass(name, given, stand):
    (stand / "my_network.py").write_text("def load(): ...\n")

    values = parameters.resolve(name, "smoke", given.items())

    assert all(values[key] == value for key, value in given.items())


CROSS = "cross_examination"
MODULE = "import math\n\n\ndef explain(m, x, c):\n    return x.mean(1)\n"


@pytest.fixture
def stand(tmp_path, monkeypatch):
    """A folder outside of the project, where the user stands, with photographs and a module."""
    folder = tmp_path / "home" / "stand"
    (folder / "photos; a 'b' $HOME").mkdir(parents=True)
    for n in range(3):
        image = Image.effect_noise((40, 40), 50 + n)
        image.save(folder / "photos; a 'b' $HOME" / f"{n}.png")
    (folder / "mine.py").write_text(MODULE)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("name", "content", "spec", "says"),
    [
        ("k", "import shap_not_here\n" + MODULE, "k:explain", "k.py imports 'shap_not_here'"),
        ("k", "def explain(:\n", "k:explain", "k.py, line 1: .*def explain"),
        ("k", MODULE, "k:other", "k has nothing by the name 'other'; it has: explain"),
        ("k", MODULE, "k.py", "no module:name.*it has: explain"),
        ("k", MODULE, "k", "no module:name.*it has: explain"),
        ("k", MODULE, "nosuch:explain", "no module 'nosuch'; put nosuch.py"),
        ("k", MODULE, "no/such.py:explain", "no file no/such.py"),
        ("random", MODULE, "random:explain", "random.py hides Python's own module random"),
        ("torch", MODULE, "torch:explain", "torch.py hides the library torch"),
        ("torch", MODULE, "torch.py:explain", "torch.py hides the library torch"),
    ],
)
def test_a_users_module_is_checked_before_the_start(stand, name, content, spec, says):
    (stand / f"{name}.py").write_text(content)

    with pytest.raises(parameters.WrongParameter, match=f"method is '{spec}': .*{says}"):
        parameters.resolve(CROSS, "smoke", [("method", spec)])


@pytest.mark.parametrize(
    "optional", ["try:\n    import shap_not_here\nexcept ImportError: ...\n", ""]
)
def test_a_module_is_taken_by_name_and_by_path(stand, optional):
    (stand / "mine.py").write_text(optional + MODULE)
    for spec in ("mine:explain", "mine.py:explain", "./mine.py:explain", "~/stand/mine.py:explain"):
        told = parameters.resolve(CROSS, "smoke", [("method", spec)])["method"]
        assert told in ("mine:explain", "mine.py:explain")


def test_a_wrong_module_or_folder_ends_with_2_and_imports_nothing_slow(stand):
    for given in (["method", "nosuch:f"], ["images", "nowhere"], ["images", "."]):
        code = (
            "import sys; from helpers.run import __main__ as run; "
            f"print(run.main(['{CROSS}', '-p', *{given!r}, '--output', 'o.ipynb']), "
            "sorted({'torch', 'papermill', 'pandas'} & set(sys.modules)))"
        )
        (stand / "lone.png").write_bytes((stand / "photos; a 'b' $HOME/0.png").read_bytes())
        for file in (stand / "photos; a 'b' $HOME").iterdir():
            file.unlink(missing_ok=True) if given[1] == "." else None

        done = small_project.run(paths.ROOT, "-c", code, cwd=stand)

        assert done.stdout.strip() == "2 []", done.stderr


def test_a_file_that_hides_a_module_of_pythons_is_said_before_it_breaks_anything(stand):
    (stand / "random.py").write_text(MODULE)

    done = small_project.run(paths.ROOT, "-m", "helpers.run", "--list", cwd=stand)

    assert done.returncode == 2
    assert done.stderr.startswith("helpers.run: random.py in this folder hides the module")


@pytest.mark.parametrize("form", ["{}", "./{}/", "~/stand/{}", "{here}/{}"])
def test_the_card_of_a_folder_runs_again_from_a_shell_and_shows_no_private_path(stand, form):
    given = [("images", form.format("photos; a 'b' $HOME", here=stand)), ("count", "3")]
    given += [("method", f"{stand}/mine.py:explain")]
    values = parameters.resolve(CROSS, "smoke", given)
    base = parameters.settings(CROSS)["profiles"]["smoke"]

    command = card.command(CROSS, values, base)

    assert str(stand.parent) not in json.dumps(values) + command
    words = subprocess.run(
        ["sh", "-c", command.replace("python -m helpers.run", "printf '%s\\0'")],
        capture_output=True, text=True, check=True,
    ).stdout.split("\0")[:-1]  # fmt: skip
    again = __main__._parser().parse_args(words)
    assert parameters.resolve(again.name, again.profile, again.given) == values


def test_paths_are_told_from_where_the_user_stands_the_project_or_his_home(stand):
    (stand.parent / "other").mkdir()
    (stand.parent.parent / "outside").mkdir()
    (stand / "-dash").mkdir()

    told = {
        str(stand / "mine.py"): "mine.py",
        "~/other": "~/other",
        "../other": "~/other",
        str(paths.BOOK): "book",
        str(stand.parent.parent / "outside"): "../../outside",
        "-dash": "./-dash",
        "/": "/",
    }
    assert {path: paths.told(path) for path in told} == told
    assert all(paths.located(short).samefile(paths.located(path)) for path, short in told.items())


def test_a_broken_photograph_is_named_before_the_start_and_skipped_if_asked(stand):
    folder = stand / "photos; a 'b' $HOME"
    (folder / "1.png").write_bytes(b"broken")

    with pytest.raises(parameters.WrongParameter, match=r"1\.png cannot be read") as caught:
        parameters.resolve(CROSS, "smoke", [("images", folder.name), ("count", "3")])
    assert str(stand) not in str(caught.value)
    given = [("images", folder.name), ("count", "3"), ("skip_unreadable", "true")]
    assert parameters.resolve(CROSS, "smoke", given)["skip_unreadable"] is True


def test_methods_and_folders_of_one_name_in_two_places_are_two_pages(stand, monkeypatch):
    targets_ = []
    for place in ("one", "two"):
        (stand / place).mkdir()
        (stand / place / "mine.py").write_text(MODULE)
        monkeypatch.chdir(stand / place)
        for profile in parameters.PROFILES:
            values = parameters.resolve(CROSS, profile, [("method", "mine:explain")])
            targets_.append(targets.target(CROSS, values))

    assert len({*targets_}) == 6
    assert all(file.parent.parent == paths.BOOK / "_made" for file in targets_)


def test_an_output_never_replaces_what_no_run_has_written(tmp_path):
    values = parameters.resolve(NAME, "smoke", [])
    (tmp_path / "mine.ipynb").write_text('{"metadata": {}, "cells": []}')
    (tmp_path / "table.csv").write_text("1")
    write_run(tmp_path / "run.ipynb", "smoke")
    (tmp_path / "run.csv").write_text("2")
    for name, says in (("mine", "no run has written"), ("table", "would replace table.csv")):
        with pytest.raises(parameters.WrongParameter, match=says):
            targets.target(NAME, values, tmp_path / f"{name}.ipynb")
        assert targets.target(NAME, values, tmp_path / f"{name}.ipynb", replace=True)
    assert targets.target(NAME, values, tmp_path / "run.ipynb") == tmp_path / "run.ipynb"


@pytest.mark.parametrize("listed", [True, False])
def test_a_small_run_is_never_the_first_page_of_a_chapter_that_the_book_does_not_list(
    listed, tmp_path, monkeypatch
):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    contents = "book/runs/decam\n" if listed else "book/runs/elime\n"
    (tmp_path / "_toc.yml").write_text(contents)
    committed = tmp_path / "runs/decam.ipynb"

    small = targets.target("decam", parameters.resolve("decam", "smoke", []))
    large = targets.target("decam", parameters.resolve("decam", "laptop", []))

    assert (small == committed) is listed
    assert small.parent.name == ("runs" if listed else "smoke")
    assert large == committed


@pytest.mark.parametrize("how", ["absolute", "relative", "through a link", "below", "another's"])
def test_an_output_never_reaches_a_committed_page(how, tmp_path, monkeypatch):
    values = parameters.resolve(CROSS, "smoke", [("count", "3")])
    (tmp_path / "link").symlink_to(paths.RUNS)
    monkeypatch.chdir(paths.ROOT)
    output = {
        "absolute": paths.RUNS / f"{CROSS}.ipynb",
        "relative": paths.RUNS.relative_to(paths.ROOT) / f"{CROSS}.ipynb",
        "through a link": tmp_path / "link" / f"{CROSS}.ipynb",
        "below": paths.RUNS / "mine" / "o.ipynb",
        "another's": paths.RUNS / "decam.ipynb",
    }[how]

    with pytest.raises(parameters.WrongParameter, match="committed run"):
        targets.target(CROSS, values, output)


def test_an_output_never_replaces_a_run_of_another_notebook(tmp_path):
    values = parameters.resolve(NAME, "smoke", [])
    write_run(tmp_path / "o.ipynb", "smoke", "decam")

    with pytest.raises(parameters.WrongParameter, match=r"run of another notebook .*decam"):
        targets.target(NAME, values, tmp_path / "o.ipynb")
    assert targets.target(NAME, values, tmp_path / "o.ipynb", replace=True)


def test_names_that_no_file_can_have_are_refused_in_a_sentence(tmp_path):
    values = parameters.resolve(NAME, "smoke", [])

    for name in ("a" * 300 + ".ipynb", "a\0.ipynb"):
        with pytest.raises(parameters.WrongParameter, match="no name of a file"):
            targets.target(NAME, values, tmp_path / name)
    for key, value in (("images", "a" * 300), ("images", "a\0"), ("method", "a" * 300 + ":f")):
        with pytest.raises(parameters.WrongParameter, match=f"{key} is '"):
            parameters.resolve(CROSS, "smoke", [(key, value)])


@pytest.mark.parametrize("damage", ["", '{"metadata": {}}', '{"cells": [', "<html>"])
def test_a_committed_page_that_is_damaged_is_not_replaced_by_a_small_run(
    damage, tmp_path, monkeypatch
):
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(paths, "BOOK", tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / f"{NAME}.ipynb").write_text(damage)

    file = targets.target(NAME, parameters.resolve(NAME, "paper", []))

    assert file == tmp_path / "_made/paper" / f"{NAME}.ipynb"


@pytest.mark.parametrize("content", ["", "lrp_adversarial:\n  parameters:\n", "a: [", "a: 1"])
def test_damaged_parameters_are_one_sentence(content, tmp_path, monkeypatch, capsys):
    (tmp_path / "parameters.yaml").write_text(content)
    monkeypatch.setattr(parameters, "SETTINGS", tmp_path / "parameters.yaml")

    assert __main__.main(["--list"]) == 2
    assert "git checkout -- notebooks/parameters.yaml" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[NAME, "--output", "{}/o.ipynb"], ["--status", NAME]])
def test_a_damaged_table_of_costs_is_one_sentence(words, tmp_path, monkeypatch, capsys):
    (tmp_path / "costs.yaml").write_text("# nothing\n")
    monkeypatch.setattr(counted, "TABLE", tmp_path / "costs.yaml")
    counted.table.cache_clear()

    assert __main__.main([word.format(tmp_path) for word in words]) in (1, 2)
    assert "costs.yaml lacks the table 'work'" in capsys.readouterr().err
    counted.table.cache_clear()


def test_damaged_smoke_values_are_one_sentence(monkeypatch, capsys):
    def damaged(*all):
        raise reading.Damaged("data/smoke/a.csv has changed")

    monkeypatch.setattr(carry, "carry", damaged)

    assert __main__.main([NAME, "--carry"]) == 2
    assert capsys.readouterr().err == "helpers.run: data/smoke/a.csv has changed\n"


def test_a_read_only_folder_is_told_before_the_start(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(targets.os, "access", lambda folder, how: folder != paths.CACHE)
    paths.CACHE.mkdir(parents=True, exist_ok=True)

    assert __main__.main([NAME, "--output", str(tmp_path / "o.ipynb")]) == 2
    assert "data/cache cannot be written" in capsys.readouterr().err


def test_a_run_to_be_committed_is_refused_where_files_are_in_no_commit(monkeypatch, capsys):
    monkeypatch.setattr(origin, "uncommitted", lambda: ["helpers/a.py", "b", "c", "d"])

    assert __main__.main([NAME, "--profile", "laptop"]) == 2
    assert "helpers/a.py, b, c and 1 more are in none; commit them" in capsys.readouterr().err


def test_a_full_disk_ends_the_run_with_its_reason(monkeypatch, capsys, tmp_path):
    def full(*all):
        raise files.CannotWrite(28, "data/cache/x cannot be written: No space left on device")

    monkeypatch.setattr(execute, "execute", full)

    assert __main__.main([NAME, "--output", str(tmp_path / "o.ipynb")]) == 1
    assert capsys.readouterr().err.endswith(
        f"helpers.run: {NAME} failed: data/cache/x cannot be written: No space left on device\n"
    )


def test_broken_runs_of_one_name_from_two_folders_do_not_meet():
    names = {execute._broken_name(paths.ROOT / folder / "o.ipynb") for folder in ("a", "b")}

    assert len(names) == 2
    assert execute._broken_name(paths.RUNS / "decam.ipynb") == "decam.ipynb"


def test_what_killed_runs_left_is_removed_and_what_runs_now_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(execute.tempfile, "gettempdir", lambda: str(tmp_path))
    ended = subprocess.Popen(["true"])
    ended.wait()
    for process in (ended.pid, os.getpid(), "x"):
        (tmp_path / f"xai-run-{process}-abc").mkdir()

    execute.clear_left_behind()

    assert {f.name for f in tmp_path.iterdir()} == {f"xai-run-{os.getpid()}-abc", "xai-run-x-abc"}


HOLD = """
import sys, time
from pathlib import Path
from helpers.run import lock
with lock.held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def test_a_second_run_of_a_target_waits_and_says_what_for(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(paths.ROOT)}
    words = [sys.executable, "-c", HOLD, str(tmp_path / "o.ipynb")]
    first = subprocess.Popen([*words, "4"], stdout=subprocess.PIPE, text=True, env=environment)
    assert first.stdout.readline() == "held\n"
    other = [*words[:-1], str(tmp_path / "p.ipynb"), "0"]
    free = subprocess.run(other, capture_output=True, text=True, env=environment)

    second = subprocess.run([*words, "0"], capture_output=True, text=True, env=environment)

    assert free.stderr == ""
    assert f"o.ipynb is being written by another run, process {first.pid} on" in second.stderr
    assert second.stdout == "held\n"
    assert first.wait() == 0  # it ended before the second began


def test_an_unknown_notebook_or_profile_is_told():
    with pytest.raises(parameters.WrongParameter, match="no notebook 'nothing'"):
        parameters.resolve("nothing", "smoke", [])
    with pytest.raises(parameters.WrongParameter, match="no profile 'huge'"):
        parameters.resolve(NAME, "huge", [])


@pytest.mark.parametrize("name", parameters.notebooks())
def test_every_profile_sets_every_parameter_to_a_value_that_is_allowed(name):
    chosen = parameters.settings(name)

    assert list(chosen["profiles"]) == list(parameters.PROFILES)
    for profile, values in chosen["profiles"].items():
        assert list(values) == list(chosen["parameters"])
        assert parameters.resolve(name, profile, []) == {"profile": profile, **values}
    assert all(rule["description"] for rule in chosen["parameters"].values())


def test_wrong_requests_end_with_2_before_anything_slow_is_imported(tmp_path):
    code = (
        "import sys; from helpers.run import __main__ as run; "
        "print(run.main(['lrp_adversarial', '-p', 'seed', '-1', '--output', 'o.ipynb']), "
        "sorted({'torch', 'papermill', 'pandas'} & set(sys.modules)))"
    )

    done = small_project.run(paths.ROOT, "-c", code, cwd=tmp_path)

    assert done.stdout.strip() == "2 []"
    assert done.stderr == ("helpers.run: seed is -1; expected a whole number from 0 to 1000000\n")
    assert not list(tmp_path.iterdir())


TWICE = [NAME, "-p", "seed", "1", "-p", "seed", "2", "--output", "o.ipynb"]


@pytest.mark.parametrize(
    "words", [[], ["--all", NAME], ["--all", "--output", "one.ipynb"], TWICE], ids=str
)
def test_requests_that_are_not_clear_end_with_2(words, capsys):
    assert __main__.main(words) == 2
    assert "helpers.run: " in capsys.readouterr().err


def test_the_list_tells_every_parameter_with_its_default(capsys):
    assert __main__.main(["--list", "decam"]) == 0
    told = capsys.readouterr().out

    for key, rule in parameters.settings("decam")["parameters"].items():
        assert f"-p {key} " in told
        assert rule["description"] in told
    assert "smoke 3, laptop 20, paper 20" in told


def test_outputs_onto_folders_devices_sources_and_other_kinds_are_refused(tmp_path):
    values = parameters.resolve(NAME, "smoke", [])
    (tmp_path / "folder.ipynb").mkdir()
    (tmp_path / "link.ipynb").symlink_to("/dev/null")
    wrong = {
        tmp_path: "is a folder",
        tmp_path / "folder.ipynb": "is a folder",
        tmp_path / "link.ipynb": "no regular file",
        tmp_path / "o.py": "ends in .ipynb",
        paths.NOTEBOOKS / "ipynb" / "o.ipynb": "holds sources",
        paths.REPORTED / "decam.ipynb": "holds sources",
        paths.HELPERS / "run" / "o.ipynb": "holds sources",
        paths.RUNS / "other.ipynb": "one committed run a notebook",
    }
    for output, says in wrong.items():
        with pytest.raises(parameters.WrongParameter, match=says):
            targets.target(NAME, values, output)


def test_an_output_behind_a_link_goes_to_the_links_target(tmp_path):
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "real.ipynb")

    file = targets.target(NAME, parameters.resolve(NAME, "smoke", []), tmp_path / "link.ipynb")

    assert file == tmp_path / "real.ipynb"


def write_run(file, profile, name=NAME):
    made = {"profile": profile, "command": f"python -m helpers.run {name} --profile {profile}"}
    notebook = nbformat.v4.new_notebook(metadata={"provenance": made})
    file.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, file)


def test_only_a_whole_profile_as_large_as_the_committed_one_takes_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(paths, "BOOK", tmp_path)
    committed = tmp_path / "runs" / f"{NAME}.ipynb"

    def target(profile, *given, **more):
        return targets.target(NAME, parameters.resolve(NAME, profile, given), **more)

    assert target("smoke") == committed
    write_run(committed, "laptop")

    assert target("smoke") == tmp_path / "_made/smoke" / committed.name
    assert target("laptop") == target("paper") == committed
    assert target("laptop", ("seed", "0")) == committed  # the profile's own
    mine, other = target("laptop", ("seed", "1")), target("laptop", ("seed", "2"))
    assert mine.parent == other.parent == tmp_path / "_made/laptop"
    assert mine.name.startswith(f"{NAME}-seed-1-")
    assert mine != other
    assert target("laptop", ("seed", "1"), replace=True) == committed
    assert target("smoke", replace=True) == committed
    with pytest.raises(parameters.WrongParameter, match="--replace"):
        target("laptop", ("seed", "1"), output=committed)
    with pytest.raises(parameters.WrongParameter, match="smaller: smoke, not laptop"):
        target("smoke", output=committed)
    assert target("laptop", output=committed) == committed


def test_values_are_written_into_the_parameters_cell_and_comments_stay():
    code = 'profile: str = "smoke"  # é, how much\nseed: int = None  # of = it\nn = (\n    1)\n'

    changed = pages.with_values(code, {"profile": "laptop", "seed": 3, "text": "x"})

    assert changed == (
        "profile: str = 'laptop'  # é, how much\nseed: int = 3  # of = it\nn = (\n    1)"
    )


def test_the_command_of_a_card_can_be_pasted_into_a_shell():
    base = {"text": "", "loud": False}
    command = card.command("small", {"profile": "smoke", "text": "a b; 'c'", "loud": True}, base)

    done = subprocess.run(
        ["bash", "-c", command.replace("python -m helpers.run", "printf '%s\\n'")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout.splitlines() == [
        "small", "--profile", "smoke", "-p", "text", "a b; 'c'", "-p", "loud", "true"
    ]  # fmt: skip


def test_without_git_there_is_no_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")

    assert origin.commit() == "no commit"


def test_ctrl_c_is_one_sentence(monkeypatch, capsys, tmp_path):
    def interrupted(*all):
        raise KeyboardInterrupt

    monkeypatch.setattr(execute, "execute", interrupted)

    assert __main__.main([NAME, "--output", str(tmp_path / "o.ipynb")]) == 130
    assert capsys.readouterr().err.endswith(
        "\nhelpers.run: stopped; run it again to go on from what was kept\n"
    )


def test_a_run_that_was_killed_or_ran_out_of_time_is_not_whole():
    cell = nbformat.v4.new_code_cell("1")
    cell.metadata["papermill"] = {"status": "completed"}
    notebook = nbformat.v4.new_notebook(cells=[cell])
    assert "broke off" in execute.unfinished(notebook)  # killed: no end

    notebook.metadata["papermill"] = {"exception": None, "end_time": "now"}
    assert execute.unfinished(notebook) == ""
    cell.outputs = [nbformat.v4.new_output("error", ename="KeyboardInterrupt", evalue="")]
    assert "ended in an error" in execute.unfinished(notebook)  # out of time, yet completed
    cell.metadata["papermill"]["status"] = "pending"
    assert "was not run" in execute.unfinished(notebook)


# A whole project with one small notebook, run as a user runs it.


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return small_project.write(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def laptop(project):
    """The committed run of the small project."""
    done = small_project.run(
        project, "-m", "helpers.run", "small", "--profile", "laptop",
        MALLOC_TRIM_THRESHOLD_="7", MALLOC_MMAP_THRESHOLD_="8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("small (laptop): book/runs/small.ipynb\n")
    return nbformat.read(project / "book/runs/small.ipynb", as_version=4)


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


@pytest.mark.slow
def test_a_run_is_whole_and_carries_its_card_and_results(project, laptop):
    written = json.loads((project / "data/results/small.json").read_text())

    assert laptop.metadata.provenance == written
    assert list(written)[:3] == ["profile", "command", "commit"]  # for people to read
    assert written["command"] == "python -m helpers.run small --profile laptop"
    assert written["commit"] == "no commit"
    assert written["parameters"]["count"] == 5
    assert written["finding"] == "It adds up to 10."
    assert written["claims"].keys() == {"sum"}
    assert written["kept"] == {"made": 1}
    assert len(written["digest"]) == 16
    assert "edited" not in written
    table = (project / "data/results/small.csv").read_text()
    assert table == "key,arm,value,low,high,n\nsum,B,10.0,10.0,10.0,5\n"
    assert (project / "data/results/small-more.csv").read_text() == "a,b"


@pytest.mark.slow
def test_a_committed_page_keeps_the_order_and_nothing_volatile(laptop):
    text = nbformat.writes(laptop)

    sources = [cell.source for cell in laptop.cells]
    assert sources[-1] == 'print("after the verdict")'
    assert "notebook.finish" in sources[-2]
    assert "profile: str = 'laptop'  # smoke, laptop or paper" in sources[1]
    assert laptop.cells[2].metadata.tags == ["injected-parameters"]
    assert "papermill" not in text
    assert "jupytext" not in text  # saved in Jupyter, it is paired with nothing
    assert "results+json" not in text
    assert not [output for output in outputs(laptop) if output.get("name") == "stderr"]
    assert "MALLOC ['8', '7']" in text  # what is set already stays


@pytest.mark.slow
def test_the_executed_page_runs_again_in_papermill_with_another_parameter(project, laptop):
    done = small_project.run(
        project, "-m", "papermill", "book/runs/small.ipynb", "again.ipynb", "-p", "seed", "3"
    )
    assert done.returncode == 0, done.stderr

    texts = json.dumps(outputs(nbformat.read(project / "again.ipynb", as_version=4)))

    assert "Profile laptop, with seed = 3." in texts
    assert "python -m helpers.run small --profile laptop -p seed 3" in texts
    assert "The sum is 10." in texts


@pytest.mark.slow
def test_two_outputs_in_one_folder_do_not_meet_and_fresh_makes_anew(project, laptop, tmp_path):
    for name, more in (("one", []), ("two", ["-p", "loud", "true", "--fresh"])):
        done = small_project.run(
            project, "-m", "helpers.run", "small", "-p", "count", "5", *more,
            "--output", tmp_path / f"{name}.ipynb", cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    assert sorted(file.name for file in tmp_path.iterdir()) == [
        f"{name}{end}"
        for name in ("one", "two")
        for end in ("-more.csv", ".csv", ".ipynb", ".json")
    ]
    one, two = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "two"))
    assert one["kept"] == {"read": 1}
    assert two["kept"] == {"made": 1}
    assert two["command"] == "python -m helpers.run small --profile smoke -p count 5 -p loud true"
    assert list((project / "data/cache/set-aside").rglob("*.safetensors"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("total = ", "1 / 0\ntotal = ", "ZeroDivisionError"),
        ('tags=["verdict"]\nnotebook.finish(', "\n(lambda *a, **b: None)(", "notebook.finish"),
    ],
)
def test_a_failed_run_is_kept_elsewhere_and_the_old_one_stays(tmp_path, old, new, says):
    root = small_project.write(tmp_path)
    source = root / "notebooks/small.py"
    source.write_text(source.read_text().replace(old, new))
    write_run(root / "book/runs/small.ipynb", "smoke")
    before = (root / "book/runs/small.ipynb").read_bytes()

    done = small_project.run(root, "-m", "helpers.run", "small")

    assert done.returncode == 1
    assert says in done.stderr
    assert "The broken run is kept in data/failed/small.ipynb" in done.stderr
    assert (root / "book/runs/small.ipynb").read_bytes() == before
    assert (root / "data/failed/small.ipynb").exists()
    assert not (root / "data/results").exists()


SLOW = "total = cache.kept("
READY = 'import pathlib, time; pathlib.Path("ready").touch(); time.sleep(60)\n'


@pytest.mark.slow
@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_ends_with_one_sentence_and_leaves_nothing(tmp_path, how, code):
    root = small_project.write(tmp_path)
    source = root / "notebooks/small.py"
    text = source.read_text().replace(SLOW, READY.replace("ready", str(tmp_path / "ready")) + SLOW)
    source.write_text(text)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(root), "TMPDIR": str(scratch)}
    started = subprocess.Popen(
        [sys.executable, "-m", "helpers.run", "small"],
        cwd=root,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip  (tests in the background of a shell inherit a Ctrl-C that is ignored)
    for _ in range(1500):
        if (tmp_path / "ready").exists():
            break
        time.sleep(0.2)

    if how == signal.SIGINT:
        os.killpg(started.pid, how)  # as a terminal does
    else:
        started.send_signal(how)
    _, told = started.communicate(timeout=200)

    assert started.returncode == code
    assert "helpers.run: stopped; run it again to go on from what was kept" in told
    # a kernel that Ctrl-C ended before the runner was told makes nbclient say so at its length
    assert how == signal.SIGINT or "Traceback" not in told
    assert not list(scratch.glob("xai-run-*"))
    assert not (root / "book/runs/small.ipynb").exists()


def test_what_a_killed_kernel_leaves_to_asyncio_is_not_told(monkeypatch, caplog):
    logger = logging.getLogger("asyncio")
    monkeypatch.setattr(__main__, "_signals", [])
    level = logger.level
    try:
        with pytest.raises(KeyboardInterrupt):
            __main__._terminated(signal.SIGTERM)
        logger.error("Task exception was never retrieved")
    finally:
        logger.setLevel(level)

    assert not caplog.records


@pytest.mark.slow
def test_a_helper_edited_while_a_run_goes_on_refuses_it(tmp_path):
    root = small_project.write(tmp_path)
    source = root / "notebooks/small.py"
    edit = f'open({str(root / "helpers/papers/cams.py")!r}, "a").write("# more")\n'
    source.write_text(source.read_text().replace(SLOW, edit + SLOW))

    done = small_project.run(root, "-m", "helpers.run", "small")

    assert done.returncode == 1
    assert "helpers/papers/cams.py was written to while it ran, so that nobody" in done.stderr
    assert not (root / "book/runs").exists()


# What ends up in a card and in the results.


def test_the_digest_of_a_run_covers_its_claims_its_checkpoints_and_its_parameters(
    tmp_path, monkeypatch
):
    for name in ("REPORTED", "MODELS", "NOTEBOOKS"):  # apart, so that each counts by itself
        monkeypatch.setattr(paths, name, tmp_path / name)
        (tmp_path / name).mkdir()
    seen = [origin.notebook_digest("trial", {"seed": 0})]
    seen.append(origin.notebook_digest("trial", {"seed": 1}))
    (paths.REPORTED / "trial.csv").write_text("claims")
    seen.append(origin.notebook_digest("trial", {"seed": 0}))
    (paths.MODELS / "trial-epoch-01.safetensors").write_bytes(b"weights")
    seen.append(origin.notebook_digest("trial", {"seed": 0}))

    assert len(set(seen)) == 4
    assert origin.notebook_digest("trial", {"seed": 0}) == seen[-1]


def test_a_card_says_that_there_were_data_and_not_where(monkeypatch):
    monkeypatch.setenv("XAI_DATA", "book")
    monkeypatch.setattr(origin, "notebook_digest", lambda *given: "digest")
    values = {"profile": "smoke", "seed": 3}

    made = card.run_card("trial", values, values, 1.2)

    assert made["data"] == "XAI_DATA set"
    assert str(paths.BOOK) not in json.dumps(made)
    assert made["seeds"] == [3]


def test_a_run_that_ended_in_an_exception_is_not_whole():
    notebook = nbformat.v4.new_notebook(metadata={"papermill": {"end_time": "now"}})
    assert execute.unfinished(notebook) == ""

    notebook.metadata["papermill"]["exception"] = True
    assert "broke off" in execute.unfinished(notebook)


def test_a_notebook_is_given_only_what_differs_from_its_profile(monkeypatch, tmp_path):
    seen = []

    def source(file, given):
        seen.append(given)
        raise ZeroDivisionError  # far enough

    monkeypatch.setattr(pages, "source", source)
    values = parameters.resolve(NAME, "smoke", [("seed", 7)])
    with pytest.raises(ZeroDivisionError):
        execute.execute(NAME, values, tmp_path / "o.ipynb")

    assert seen == [{"profile": "smoke", "seed": 7}]


def test_an_output_in_a_folder_that_cannot_be_written_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(targets.os, "access", lambda *given: False)

    with pytest.raises(parameters.WrongParameter, match="cannot be written"):
        targets.target(NAME, parameters.resolve(NAME, "smoke", []), tmp_path / "o.ipynb")


def test_why_a_run_failed_goes_to_the_error_stream(monkeypatch, capsys, tmp_path):
    def fail(*given):
        raise RuntimeError("cell 3 ended in an error")

    monkeypatch.setattr(execute, "execute", fail)

    assert __main__.main([NAME, "--output", str(tmp_path / "o.ipynb")]) == 1
    told = capsys.readouterr()
    assert told.err.endswith(f"{NAME} failed: cell 3 ended in an error\n")
    assert told.out == ""


def test_results_are_published_to_six_decimals(monkeypatch):
    shown = []
    monkeypatch.setattr(notebook_cells, "display", lambda thing, **options: shown.append(thing))
    monkeypatch.setattr(notebook_cells.cards, "run_card", lambda *given: CARD)
    monkeypatch.setattr(notebook_cells.history, "edits", lambda *given: [])
    session = notebook_cells.Session("trial", {}, {}, frozenset(), 0.0, 0)
    measured = pd.DataFrame({"key": ["a"], "value": [0.123456789]})

    notebook_cells.finish(session, measured, ["Done."], finding="It is so.")

    (content,) = [
        t[notebook_cells.RESULTS]
        for t in shown
        if isinstance(t, dict) and notebook_cells.RESULTS in t
    ]
    assert content["files"][".csv"] == "key,value\na,0.123457\n"


CARD = {
    "profile": "smoke", "seconds": 3, "device": "a card", "kept": {}, "versions": {},
    "command": "run", "data": "", "commit": "c", "digest": "d", "finished": "now",
}  # fmt: skip
