"""Which stores are the papers' datasets."""

from vidcondense.data.layouts import miniucf
from vidcondense.recipes.datasets import DATASETS, recognise


def names(count: int, *known: str) -> list[str]:
    """As many class names, `known` among them."""
    return [*known, *(f"class {number}" for number in range(count - len(known)))]


def test_a_store_is_recognised_by_name_and_number_of_classes() -> None:
    assert recognise("miniUCF", names(50)) == "miniucf"
    assert recognise("HMDB-51 at 64", names(51)) == "hmdb51"
    assert recognise("Something-Something V2", names(174)) == "ssv2"
    assert recognise("hmdb51", names(21)) is None
    assert recognise("jhmdb", names(51)) is None
    assert recognise("UCF50", names(50)) is None  # another dataset than miniUCF
    assert all(recognise(one.title, names(one.classes)) == key for key, one in DATASETS.items())


def test_a_store_of_another_name_is_recognised_by_its_classes() -> None:
    assert recognise("videos", miniucf.CLASSES) == "miniucf"
    assert recognise("videos", [*miniucf.CLASSES[1:], "Archery"]) is None
    for key, dataset in DATASETS.items():
        assert recognise("videos", names(dataset.classes, *dataset.telling)) == key
        assert recognise("videos", names(dataset.classes, *dataset.telling[1:])) is None
        assert recognise("videos", names(dataset.classes + 1, *dataset.telling)) is None
    templates = [each.replace("something", "[something]") for each in DATASETS["ssv2"].telling]
    assert recognise("videos", names(174, *templates)) == "ssv2"
