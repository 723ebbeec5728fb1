"""Tables of what Arya 2024 leaves open (Table 3), and of what it says twice and differently."""

import pandas as pd

from helpers.report import multiverse_rows

EPOCHS = (1, 2, 3, 20)


def drop_table(readings: pd.DataFrame) -> pd.DataFrame:
    """Table 3 in all its readings: the mean drop with its interval, by epoch.

    A choice that is the same in all of them is left out.

    `readings` is the frame of `claims.Measurements.readings`; keys are ``drop_1`` and so on.
    """
    names = {f"drop_{epoch}": f"epoch {epoch}" for epoch in EPOCHS}
    table: dict[tuple, dict] = {}
    choices: list[str] = []
    for row in readings[readings.key.isin(names)].itertuples():
        reading = multiverse_rows.parsed(row.reading)
        choices = list(reading)
        cells = table.setdefault(tuple(reading.values()), {})
        cells[names[row.key]] = f"{row.value:.4f} [{row.low:.4f}, {row.high:.4f}]"
    if not table:
        return pd.DataFrame(columns=list(names.values()))
    index = pd.MultiIndex.from_tuples(list(table), names=choices)
    same = [name for name in choices if len(table) > 1 and index.unique(name).size == 1]
    return pd.DataFrame(list(table.values()), index=index).droplevel(same)


def contradictions(reported: pd.DataFrame) -> pd.DataFrame:
    """What the paper says in two places, and differently."""
    number = reported.reported
    rows = [
        (
            "final accuracy",
            f"Methods: approximately {number['train_final']} % and {number['test_final']} %",
            f"Table 1: {number['train_20']} % and {number['test_20']} %",
        ),
        (
            "pixels occluded",
            "Methods, Fig. 16, Table 3: 20; occluded",
            "confidence drop: 10; overview: 5, blurred",
        ),
        (
            "figure numbers",
            "the text speaks of Figures 2 to 17",
            "the captions number them 1 to 16",
        ),
        ("ResNet-18", "overview: one test uses it", "no such test is shown"),
        (
            "Figure 10",
            "picture and text: a truck is taken for an airplane",
            "caption: a bird",
        ),
        (
            "Figure 12",
            "picture: a dog is taken for a cat",
            "caption: a frog was predicted, and it was a cat",
        ),
        (
            "Figure 13",
            "text: the untrained model predicts much the same as without noise",
            "figures: truck with noise, horse without",
        ),
        (
            "20-epoch model",
            "Conclusions: significantly worse on most robustness tests",
            "Fig. 14: right in all rounds, which the 1- and 2-epoch models are not",
        ),
        (
            "Figure 15",
            "caption: word for word Figure 14's predictions of a bird",
            "text: a ship; the 20-epoch model predicts airplane once",
        ),
        (
            "Figure 16",
            "text: the 20-epoch model completely misclassifies the image",
            "caption: it has a mix of predictions",
        ),
        (
            "maps under corruption",
            "Abstract: features grow more consistent with accuracy",
            "Discussion, occlusion: stable after 1 to 3 epochs, extremely random after 20",
        ),
        ("tables", "Tables 1 and 3", "there is no Table 2"),
        (
            "confidence",
            "Methods: the largest probability 'for a correct class'",
            "both are readings of our Table 3",
        ),
    ]
    return pd.DataFrame(rows, columns=["what", "here", "and there"]).set_index("what")
