import numpy as np

from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.ivim import unweighted


def test_low_b_values_are_no_reference_for_perfusion():
    bvals = np.array([0.0, 1.0, 10.0, 25.0, 200.0, 400.0])
    table = GradientTable(bvals, np.tile([0.0, 0.0, 1.0], (6, 1)))
    np.testing.assert_array_equal(unweighted(table), bvals <= 1)
    # Blood of a tenth of the signal, gone by b = 100; of b up to 25 it would come out too small.
    signal = 0.9 * np.exp(-1.5e-3 * bvals) + 0.1 * np.exp(-30e-3 * bvals)
    share = 1 - 0.9 / signal[unweighted(table)].mean()
    assert abs(share - 0.1) < 0.002
    assert 1 - 0.9 / signal[table.is_b0].mean() < 0.08
