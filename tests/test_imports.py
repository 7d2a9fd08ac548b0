"""Arrows point one way."""

from graphlib import TopologicalSorter

import imports
import pytest

GRAPH = imports.modules()


def test_no_module_imports_itself_by_way_of_others():
    TopologicalSorter(GRAPH).prepare()  # raises CycleError with the cycle


def test_no_room_imports_itself_by_way_of_others():
    TopologicalSorter(imports.rooms()).prepare()


def test_the_diagram_is_true():
    text = (imports.ROOT / "docs" / "imports.md").read_text(encoding="utf-8")
    assert f"```\n{imports.diagram()}\n```" in text, "stale: paste what python -m tests.imports prints"


@pytest.mark.parametrize("entry_point", imports.ENTRY_POINTS)
def test_nothing_imports_an_entry_point(entry_point):
    assert entry_point in GRAPH
    assert not [module for module, imported in GRAPH.items() if entry_point in imported]


@pytest.mark.parametrize(
    ("room", "never"),
    [
        ("ifgan_tf", ("datasets", "export", "benchmarks")),
        ("ifgan_tf.models", ("ifgan_tf.data", "ifgan_tf.training", "ifgan_tf.evaluation")),
        ("ifgan_tf.losses", ("ifgan_tf.data", "ifgan_tf.models")),
        ("ifgan_tf.faces", ("ifgan_tf.",)),
        ("ifgan_tf.evaluation", ("ifgan_tf.privacy", "ifgan_tf.training")),
        ("ifgan_tf.recognition", ("ifgan_tf.evaluation", "ifgan_tf.privacy", "ifgan_tf.training")),
    ],
)
def test_what_a_room_never_imports(room, never):
    mine = {module: imported for module, imported in GRAPH.items() if f"{module}.".startswith(f"{room}.")}
    assert mine
    strangers = {
        (module, other)
        for module, imported in mine.items()
        for other in imported
        if other.startswith(never) and not other.startswith(f"{room}.")
    }
    assert not strangers


def test_no_two_modules_have_one_name():
    assert imports.shared_names() == []
