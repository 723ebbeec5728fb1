"""Whom a trial replaces (Storn & Price 1997; Karatsiolis & Kamilaris 2022, Algorithm 1)."""

import torch

from helpers.papers import decam


def test_a_trial_that_is_only_as_fit_as_its_parent_does_not_replace_it(generator):
    genes = torch.rand(2, 6, 3, generator=generator)

    *_, last = decam.differential_evolution(
        lambda found: torch.zeros(found.shape[:2]), genes, repair=lambda found: found,
        iterations=3, crossover=0.9, weight=0.8, generator=generator,
    )  # fmt: skip

    assert torch.equal(last.genes, genes)
