"""The list of mutations fits the code; ``make mutations`` runs them."""

import mutations
import pytest

LISTED = mutations.listed()


def test_there_are_sixty_mutations_or_more_and_few_are_called_equivalent():
    equivalent = [mutation for mutation in LISTED if mutation.equivalent]

    assert len(LISTED) - len(equivalent) >= 60
    assert len(equivalent) <= len(LISTED) / 10
    assert len({(m.file, m.old, m.new) for m in LISTED}) == len(LISTED)


@pytest.mark.parametrize("file", sorted({mutation.file for mutation in LISTED}))
def test_what_a_mutation_replaces_stands_once_in_its_file(file):
    text = (mutations.ROOT / file).read_text()

    for mutation in LISTED:
        if mutation.file == file:
            assert text.count(mutation.old) == 1, mutation.told()
            assert mutation.new != mutation.old
            for test in mutation.tests:
                where, _, name = test.partition("::")
                assert f"def {name}" in (mutations.ROOT / where).read_text(), test


def test_a_mutation_that_a_test_notices_is_killed_and_another_survives(tmp_path, monkeypatch):
    (tmp_path / "tests").mkdir()
    (tmp_path / "code.py").write_text("def doubled(x):\n    return 2 * x\n")
    (tmp_path / "tests" / "test_code.py").write_text(
        "import pathlib\ndef test_doubled():\n"
        "    assert '2 * x' in pathlib.Path('code.py').read_text()\n"
    )

    found = [
        mutations.tried(tmp_path, mutations.Mutation("code.py", *texts, ("tests/test_code.py",)))
        for texts in (("2 * x", "3 * x"), ("doubled", "twice"), ("absent", "x"))
    ]

    assert [state for state, _ in found] == ["killed", "survived", "broken"]
    assert "test_doubled" in found[0][1]
    assert "2 * x" in (tmp_path / "code.py").read_text()
