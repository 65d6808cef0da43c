"""Weights in int8: near the fp32 ones, and safe on processors that add products in 16 bits."""

from __future__ import annotations

import numpy as np
import pytest

from export.graph.rounding import int8_weight


def test_weights_cant_saturate_in_pairs_and_are_near() -> None:
    """AVX2 adds two u8 x s8 products in 16 bits: 255 * (w0 + w1) must fit there, for every pair of rows."""
    rng = np.random.default_rng(0)
    for k, n in ((7, 5), (384, 64), (1, 3)):
        for weight in (
            rng.standard_normal((k, n)),
            rng.standard_t(2, (k, n)),
            np.ones((k, n)),
            np.zeros((k, n)),
        ):
            steps, scale = int8_weight(weight.astype(np.float32))
            assert steps.dtype == np.int8
            assert steps.shape == (k, n)
            assert scale.shape == (n,)
            pairs = np.concatenate([steps, np.zeros((k % 2, n), np.int8)]).astype(int).reshape(-1, 2, n)
            sums = 255 * np.stack([np.maximum(pairs, 0).sum(1), np.minimum(pairs, 0).sum(1)])
            assert sums.max() <= 32767
            assert sums.min() >= -32768
            assert (np.abs(steps * scale - weight) <= 1.5001 * scale).all()


def test_two_weights_of_one_sign_reach_128_together() -> None:
    fits, scale = int8_weight(np.array([[127], [1], [-127], [100]], np.float32))
    assert fits.ravel().tolist() == [127, 1, -127, 100]
    assert scale == pytest.approx(1)
    halved, scale = int8_weight(np.array([[127], [127], [1], [-1]], np.float32))
    assert halved.ravel().tolist() == [64, 64, 1, -1]
    assert scale == pytest.approx(127 / 64)


def test_rounding_errs_less_where_inputs_usually_are() -> None:
    """Against the nearest steps, over inputs drawn as the fitted ones were: the product's own error is the oracle."""
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((48, 300)) @ np.diag(rng.random(300))
    fitted, fresh = (rng.standard_normal((n, 48)) @ mixing + rng.random(300) for n in (400, 1000))
    weight = rng.standard_normal((300, 40)).astype(np.float32)
    errors = []
    for gram in (None, fitted.T @ fitted):
        steps, scale = int8_weight(weight, gram)
        errors.append(float(np.square(fresh @ (steps * scale - weight)).sum()))
        pairs = steps.astype(int).reshape(-1, 2, 40)
        assert np.maximum(pairs, 0).sum(1).max() <= 128
        assert np.minimum(pairs, 0).sum(1).min() >= -128
    nearest, fitted_error = errors
    assert fitted_error < 0.5 * nearest
