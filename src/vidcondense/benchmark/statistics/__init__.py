"""Statistics of tables, on plain values: intervals, tests, verdicts, and how much has to be measured.

Values are in percent, differences in points. SciPy does the arithmetic.
"""

from vidcondense.benchmark.statistics.comparison import Difference, judged, paired
from vidcondense.benchmark.statistics.interval import LEAST_PAIRS, Interval, Pair, interval

__all__ = ["LEAST_PAIRS", "Difference", "Interval", "Pair", "interval", "judged", "paired"]
