"""Options: numbers and names that no benchmark could take are refused when they are made."""

import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark.options import Options


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"jobs": -1}, "--jobs must be at least 0, not -1"),
        ({"networks": 0}, "--networks must be at least 1, not 0"),
        ({"networks": -1}, "--networks must be at least 1, not -1"),
        ({"clips": 0}, "--clips must be at least 1, not 0"),
        ({"vpc": (5, 0, 1)}, "--vpc must be at least 1, not 0"),
        ({"margin": 0.0}, "--margin must be points between 0 and 100, not 0"),
        ({"margin": float("nan")}, "--margin must be points between 0 and 100, not nan"),
        ({"published": "ucf"}, "--published must be one of auto, none, all, miniucf, .*, not 'ucf'"),
    ],
)
def test_bad_values_name_the_option(values: dict[str, object], message: str) -> None:
    with pytest.raises(VidcondenseError, match=message):
        Options(**values)  # type: ignore[arg-type]
    Options(margin=2.0, jobs=1, networks=1, clips=1, vpc=(1,), published="ssv2")
