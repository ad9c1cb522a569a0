"""The card of a set: fields that the hub reads, and text in which names cannot be markup."""

import ast
import re
from dataclasses import replace

import pytest
import yaml
from tiny_run import condensed_videos, evaluation

from vidcondense.hub.card import card, picture_of


def fields(text: str) -> dict[str, object]:
    return dict(yaml.safe_load(text.split("---\n")[1]))


def test_what_a_card_says() -> None:
    made = replace(
        condensed_videos(),
        class_names=("walk", "run", "jump"),
        provenance={"recipe": {"name": "prism_small", "vpc": 1}, "source": {"name": "my clips"}},
    )
    text = card(made, "me/walks", 12_345, picture="clips.webp", license="mit", evaluations=[evaluation()])
    assert fields(text)["license"] == "mit" and fields(text)["pretty_name"] == "walks"
    assert fields(text)["size_categories"] == ["n<1K"]
    assert "3 synthetic clips of 3 classes, condensed from the training videos of my clips" in text
    assert "12.3 KB (12,345 bytes)" in text and "6 frames of 10 x 8 pixels" in text
    assert "Classes: walk, run, jump." in text and "![The first clips, moving](clips.webp)" in text
    assert "top-1 62.5 ± 1.2 % over 3 networks (minic3d, protocol strict)" in text
    assert '"vpc": 1' in text
    (snippet,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(ast.parse(snippet).body) == 2 and 'pull("me/walks"' in snippet


def test_the_licence_is_left_to_the_user() -> None:
    text = card(condensed_videos(), "me/walks", 1)
    assert "license" not in fields(text)
    assert "Not stated by whoever published this set: add the field `license`" in text


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "a | b", "![x](http://y)", "line\nbreak", "`code`"]
)
def test_names_are_text(name: str) -> None:
    made = replace(
        condensed_videos(),
        class_names=(name, "b", "c"),
        provenance={"recipe": {"name": name, "note": "```\n# heading"}, "source": {"name": name}},
    )
    text = card(made, "me/walks", 1)
    outside = re.sub(r"```json\n.*?\n```\n", "", text, flags=re.DOTALL)
    assert "<script" not in outside and "![x](" not in outside and " | b" not in outside
    assert "\nbreak" not in outside and "`code`" not in outside.replace("\\`", "")
    assert text.count("```") == 4
    assert len(fields(text)) == 4


def test_many_classes_are_counted() -> None:
    made = replace(condensed_videos(), class_names=tuple(f"class{number}" for number in range(250)))
    text = card(made, "me/walks", 1)
    assert "class99 and 150 more." in text and "class100" not in text


def test_the_picture_has_every_clip_side_by_side() -> None:
    data, kind = picture_of(condensed_videos())
    assert kind in ("webp", "apng") and 500 < len(data) < 50_000
