"""The curves of the method chapter, against what can be worked out by hand."""

import numpy as np

from chexnomaly.figures.method import (
    figure_contrastive,
    figure_focal,
)


def lines(figure, panel=0):
    return {line.get_label(): line for line in figure.axes[panel].get_lines()}


def test_gamma_zero_is_the_weighted_cross_entropy():
    drawn = lines(figure_focal((0.0, 2.0), alpha=0.25))["$\\gamma = 0$"]
    p = drawn.get_xdata()
    np.testing.assert_allclose(drawn.get_ydata(), -0.25 * np.log(p), rtol=1e-6)


def test_the_pull_of_cross_entropy_is_what_is_missing_to_one():
    curve = figure_focal((0.0,), alpha=1.0).axes[1].get_lines()[0]
    np.testing.assert_allclose(curve.get_ydata(), 1 - curve.get_xdata(), rtol=1e-6)


def test_a_dissimilar_pair_costs_nothing_beyond_the_margin():
    drawn = lines(figure_contrastive(0.5))["dissimilar, $y = 0$"]
    distance, cost = np.array(drawn.get_xdata()), np.array(drawn.get_ydata())
    assert (cost[distance >= 0.5] == 0).all()
    np.testing.assert_allclose(cost[0], 0.5**2 / 2)
