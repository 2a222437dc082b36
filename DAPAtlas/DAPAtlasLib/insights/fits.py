"""Quadratic fits against age, with intervals for their coefficients (thesis, Figure 11)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_LEAST_POINTS = 5


@dataclass(frozen=True)
class QuadraticFit:
    """value = a + b age + c age^2: the coefficients, the ends of their 95 % intervals, the number of patients, R^2."""

    coefficients: tuple[float, float, float]
    lowest: tuple[float, float, float]
    highest: tuple[float, float, float]
    patients: int
    r_squared: float

    def at(self, ages: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The fitted values at ages in years."""
        a, b, c = self.coefficients
        years = np.asarray(ages, np.float64)
        return np.asarray(a + b * years + c * years**2)


def quadratic_fit(ages: npt.ArrayLike, values: npt.ArrayLike) -> QuadraticFit | None:
    """Least squares with normal errors; None with fewer than five patients, or fewer than three ages."""
    from scipy import stats

    years, found = np.asarray(ages, np.float64), np.asarray(values, np.float64)
    if years.size < _LEAST_POINTS or np.unique(years).size < 3:
        return None
    middle, spread = years.mean(), years.std()
    scaled = (years - middle) / spread
    design = np.stack([np.ones_like(scaled), scaled, scaled**2], axis=1)
    inverse = np.linalg.inv(design.T @ design)
    solution = inverse @ design.T @ found
    rest = found - design @ solution
    freedom = years.size - 3
    covariance = inverse * (rest @ rest) / freedom
    back = np.array(  # from powers of the scaled age to powers of the age
        [
            [1.0, -middle / spread, middle**2 / spread**2],
            [0.0, 1.0 / spread, -2 * middle / spread**2],
            [0.0, 0.0, 1.0 / spread**2],
        ]
    )
    coefficients = back @ solution
    half = stats.t.ppf(0.975, freedom) * np.sqrt(np.diag(back @ covariance @ back.T))
    total = float(((found - found.mean()) ** 2).sum())
    return QuadraticFit(
        _three(coefficients),
        _three(coefficients - half),
        _three(coefficients + half),
        int(years.size),
        1.0 - float(rest @ rest) / total if total else 1.0,
    )


def _three(values: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    a, b, c = values.tolist()
    return a, b, c
