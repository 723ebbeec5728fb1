"""Every saliency method by kind and name. To add a method, add a line to :data:`METHODS`."""

from functools import partial

from zennit.composites import EpsilonGammaBox, EpsilonPlusFlat

from helpers.papers import cams, lrp, pca_cams
from helpers.saliency import activation_maps, black_boxes, contract, controls, gradients, relevance

METHODS: dict[str, dict[str, contract.Explain]] = {
    "gradient": {
        "Gradient": gradients.gradient,
        "Gradient x input": gradients.gradient_x_input,
        "SmoothGrad": gradients.smooth_grad,
        "Integrated Gradients": gradients.integrated_gradients,
    },
    "relevance": {
        "LRP-0": partial(relevance.lrp_map, lrp.zero(batchnorm="merged")),
        "LRP-epsilon": partial(relevance.lrp_map, lrp.epsilon(0.25, batchnorm="merged")),
        "LRP-alpha-beta": partial(relevance.lrp_map, lrp.alpha_beta(2, batchnorm="merged")),
        "EpsilonPlusFlat": partial(relevance.composite_map, EpsilonPlusFlat),
        "EpsilonGammaBox": partial(relevance.composite_map, EpsilonGammaBox),
    },
    "activation map": {
        "Grad-CAM": partial(activation_maps.activation_map, cams.grad_cam),
        "Grad-CAM++": partial(activation_maps.activation_map, cams.grad_cam_plus_plus),
        "LayerCAM": partial(activation_maps.activation_map, cams.layer_cam),
        "EigenCAM": partial(activation_maps.activation_map, pca_cams.eigen_cam),
        "HayCAM": partial(activation_maps.activation_map, pca_cams.haycam),
        "HayCAM+": partial(activation_maps.activation_map, pca_cams.haycam_plus),
        "FullGrad": activation_maps.full_grad,
    },
    "black box": {
        "RISE": black_boxes.rise,
        "LIME": black_boxes.lime,
        "E-LIME": black_boxes.e_lime,
        "DE-CAM": black_boxes.de_cam,
    },
    "control": {
        "random": controls.random_map,
        "centre": controls.center,
        "edges": controls.edges,
        "brightness": controls.brightness,
    },
}  # by kind
