"""The file for a device is what its parts make of it, and stands alone."""

import ast

from export import one_file


def test_it_is_up_to_date():
    assert one_file.TARGET.read_text(encoding="utf-8") == one_file.one_file(), "stale: run python -m export.one_file"


def test_no_two_of_its_parts_use_one_name():
    tree = ast.parse(one_file.one_file())
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    for node in tree.body:
        if isinstance(node, ast.Assign):
            defined += [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    assert len(defined) == len(set(defined)) > 30


def test_it_imports_nothing_of_the_project():
    tree = ast.parse(one_file.one_file())
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert not [module for module in modules if module.partition(".")[0] in ("ifgan_tf", "export", "datasets")]


def test_comments_and_help_survive():
    text = one_file.one_file()
    assert "whoever runs them" not in text and "# warpAffine looks at four pixels only" in text
    assert ast.get_docstring(ast.parse(text)).startswith("Names the expression of faces in pictures, on a device")
