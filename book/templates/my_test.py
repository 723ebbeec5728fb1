"""Copy this file next to README.md, change `share_in_the_middle`, and run the line below.

python -m helpers.run cross_examination --profile laptop -p test my_test:share_in_the_middle
"""


def share_in_the_middle(maps, network, images):
    """How much of a map's positive mass lies in the middle quarter: replace this by your test.

    maps holds a method's maps (N, H, W) by condition, such as maps["clean"] and maps["attacked"];
    network takes images (N, 3, H, W) in [0, 1] to logits. Give one number an image, (N,), NaN where
    an image does not count.
    """
    positive = maps["clean"].clamp(min=0)
    height, width = positive.shape[1:]
    middle = positive[:, height // 4 : -(height // 4), width // 4 : -(width // 4)]
    return middle.sum((1, 2)) / positive.sum((1, 2))


share_in_the_middle.better = 1  # 1: more is better, -1: less
share_in_the_middle.needs = ["clean"]  # the conditions that it cannot do without
