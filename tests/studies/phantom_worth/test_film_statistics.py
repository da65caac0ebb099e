"""Statistics of films whose answers are known."""

import numpy as np
import pytest

from chexnomaly.studies.phantom_worth import film_statistics as fs


def power_law(exponent, seed=0, size=256):
    """Noise whose power falls with the given exponent."""
    rng = np.random.default_rng(seed)
    cycles = np.hypot(*np.meshgrid(*[np.fft.fftfreq(size, 1 / size)] * 2))
    cycles[0, 0] = 1
    phases = np.fft.fft2(rng.normal(size=(size, size)))
    return np.fft.ifft2(phases * cycles ** (exponent / 2)).real


@pytest.mark.parametrize("exponent", [-2.0, -3.0])
def test_the_slope_of_a_power_law_is_its_exponent(exponent):
    # few waves share a low frequency, so one film says little there
    power = np.mean(
        [fs.power_spectrum(power_law(exponent, seed)) for seed in range(20)], axis=0
    )
    for low, high in fs.BANDS:
        assert fs.slope(power, low, high) == pytest.approx(exponent, abs=0.2)


def test_a_wave_has_its_power_at_its_own_cycles():
    x = np.arange(256) / 256
    film = 0.5 + 0.5 * np.sin(2 * np.pi * 20 * x)[None] * np.ones((256, 1))
    assert np.argmax(fs.power_spectrum(film)) == 20 - 1


def test_percentiles_of_a_ramp():
    ramp = np.linspace(0, 1, 256 * 256).reshape(256, 256)
    rng = np.random.default_rng(0)
    films = [rng.permutation(ramp.ravel()).reshape(256, 256) for _ in range(3)]
    table = fs.describe_films(films)
    assert table.percentile_5.tolist() == pytest.approx([0.05] * 3)
    values = fs.audit_films(films)
    assert values["percentile_75"]["value"] == pytest.approx(0.75)
    assert values["spread_percentile_50"]["value"] == pytest.approx(0, abs=1e-9)


def test_the_same_film_again_does_not_differ_and_noise_differs_by_root_two():
    rng = np.random.default_rng(0)
    film = rng.random((64, 64)).astype(np.float32)
    brighter = 0.5 * film + 0.3  # exposure is taken out
    same = fs.difference_of_films([film, film, brighter])
    assert same["value"] == pytest.approx(0, abs=2e-3)
    noise = [rng.random((64, 64)).astype(np.float32) for _ in range(12)]
    assert fs.difference_of_films(noise)["value"] == pytest.approx(2**0.5, abs=0.02)
    assert fs.difference_of_films(noise[:2])["value"] is None
