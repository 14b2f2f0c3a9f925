"""How the numbers of a variable are distributed: what a report shows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlint.errors import GraphlintError

if TYPE_CHECKING:
    import numpy as np

    from graphlint.model.definition import Values

BINS = 16
_HEIGHTS = "0123456789abcdefghijklmnopqrstuvwxyz"


def distribution(values: Values) -> dict[str, Any] | None:
    """Minimum, mean, maximum and standard deviation of the finite numbers, the share of zeros, how many are NaN or
    infinite, and a histogram (the height of each bar in base 36, the highest ``z``). None if they cannot be read.
    """
    import numpy as np

    count = bad = nan = zeros = 0
    total = squares = 0.0  # Of huge numbers they may overflow; then they are not shown.
    low, high = float("inf"), float("-inf")
    kept: list[np.ndarray] = []
    try:
        for chunk in values.chunks():
            numbers = _real(chunk)
            if numbers is None:
                return None
            finite = numbers[np.isfinite(numbers)]
            nan += int(np.isnan(numbers).sum())
            bad += numbers.size - finite.size
            count += numbers.size
            zeros += int(finite.size - np.count_nonzero(finite))
            if finite.size:
                low, high = min(low, float(finite.min())), max(high, float(finite.max()))
                wide = finite.astype(np.float64)
                with np.errstate(over="ignore", invalid="ignore"):
                    total += float(wide.sum())
                    squares += float(np.dot(wide, wide))
                kept.append(finite)
    except GraphlintError:
        return None
    seen = count - bad
    found: dict[str, Any] = {"count": count}
    if bad:
        found |= {"nan": nan, "inf": bad - nan}
    if not seen:
        return found
    mean = total / seen
    deviation = max(squares / seen - mean * mean, 0.0) ** 0.5
    figures = {"min": low, "mean": mean, "max": high, "std": deviation}
    found |= {key: _short(value) for key, value in figures.items() if np.isfinite(value)}
    if zeros:
        found["zeros"] = _short(zeros / seen)
    if high > low and low + (high - low) / BINS > low and high - low < float("inf"):
        bars = np.sum([np.histogram(part.astype(np.float64), BINS, (low, high))[0] for part in kept], axis=0).tolist()
        tallest = max(bars)
        found["bars"] = "".join(_HEIGHTS[-(-bar * 35 // tallest)] for bar in bars)
    return found


def _real(chunk: np.ndarray) -> np.ndarray | None:
    if chunk.dtype.kind == "c":
        return chunk.view(chunk.real.dtype)
    if chunk.dtype.kind == "f":
        return chunk
    try:
        return chunk.astype("float64" if chunk.dtype.kind in "iub" else "float32")
    except (TypeError, ValueError):
        return None


def _short(number: float) -> float:
    return float(f"{number:.4g}")
