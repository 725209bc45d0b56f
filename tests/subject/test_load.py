"""Targets load wherever they lie; those that cannot get one clear line each."""

import os
import pickle
import subprocess
import sys

import pytest

from lstm_bench.errors import UsageError
from lstm_bench.subject.errors import CannotLoad, Lack
from lstm_bench.subject.load import home_of, load_target
from tests.compare.repositories import at, written

RELATIVE = "from .parts import WIDTH\n\n\nclass Mine:\n    width = WIDTH\n"
PACKAGE = {"pkg/__init__.py": "", "pkg/parts.py": "WIDTH = 3\n", "pkg/mine.py": RELATIVE}


@pytest.mark.parametrize(
    ("target", "message", "lack"),
    [
        ("torch_n", "did you mean 'torch_nn'", Lack.MISSING),
        ("no.such.module:LSTM", "cannot import no.such.module", Lack.MISSING),
        ("torch.no_such:LSTM", "No module named 'torch.no_such'", Lack.MISSING),
        ("nowhere.py:LSTM", "no such file: nowhere.py", Lack.MISSING),
        ("torch.nn:LSMT", "no attribute 'LSMT'; did you mean 'LSTM'", Lack.MISSING),
        ("torch:pi", "is a float, not a class or a factory", Lack.BROKEN),
    ],
)
def test_each_mistake_has_its_line_and_its_kind(target, message, lack):
    with pytest.raises(UsageError, match=message) as error:
        load_target(target)
    assert "\n" not in str(error.value)
    assert error.value.lack is lack


def test_a_syntax_error_is_told_with_its_line(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text("import torch\nclass LSTM(:\n    pass\n")
    with pytest.raises(UsageError, match="SyntaxError in line 2"):
        load_target(f"{file}:LSTM")


@pytest.mark.parametrize("text", ["import nothing_of_the_sort\n", "1 / 0\n", "class LSTM(:\n"])
def test_a_file_that_fails_is_broken_and_not_missing(tmp_path, text):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(CannotLoad) as error:
        load_target(f"{tmp_path}/mine.py:LSTM")
    assert error.value.lack is Lack.BROKEN
    assert pickle.loads(pickle.dumps(error.value)).lack is Lack.BROKEN


def test_an_attribute_that_raises_is_broken_and_not_missing(tmp_path):
    (tmp_path / "mine.py").write_text("def __getattr__(name):\n    raise RuntimeError('no GPU')\n")
    with pytest.raises(CannotLoad, match="RuntimeError: no GPU") as error:
        load_target(f"{tmp_path}/mine.py:Mine")
    assert error.value.lack is Lack.BROKEN


def test_a_file_imports_its_neighbours(tmp_path):
    (tmp_path / "neighbour_of_the_target.py").write_text("WIDTH = 3\n")
    file = tmp_path / "mine.py"
    file.write_text(
        "from neighbour_of_the_target import WIDTH\n\n\ndef make():\n    return WIDTH\n"
    )
    assert load_target(f"{file}:make")() == 3


def test_a_registered_name_a_module_and_a_nested_attribute_load():
    import torch

    from impls.torch_nn import TorchNN

    assert load_target("torch_nn") is TorchNN
    assert load_target("torch:nn.LSTM") is torch.nn.LSTM


# -- files of packages ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "file", "home", "name"),
    [
        ({"mine.py": ""}, "mine.py", "", "mine"),
        (PACKAGE, "pkg/mine.py", "", "pkg.mine"),
        (PACKAGE, "pkg/__init__.py", "", "pkg"),
        ({f"src/{n}": t for n, t in PACKAGE.items()}, "src/pkg/mine.py", "src", "pkg.mine"),
        ({f"my-work/{n}": t for n, t in PACKAGE.items()} | {"my-work/__init__.py": ""},
         "my-work/pkg/mine.py", "my-work", "pkg.mine"),
        ({"a/b/mine.py": "from ..parts import WIDTH\n"}, "a/b/mine.py", "", "a.b.mine"),
        ({"a/b/mine.py": "from parts import WIDTH\n"}, "a/b/mine.py", "a/b", "mine"),
    ],
)  # fmt: skip
def test_a_file_belongs_to_the_package_that_its_folders_make(tmp_path, files, file, home, name):
    written(tmp_path, files)
    assert home_of(tmp_path / file) == (tmp_path / home, name)


def test_no_package_reaches_beyond_the_top(tmp_path):
    written(tmp_path, PACKAGE | {"__init__.py": ""})
    assert home_of(tmp_path / "pkg" / "mine.py", tmp_path) == (tmp_path, "pkg.mine")


def test_a_file_with_relative_imports_is_the_module_that_others_import(tmp_path):
    written(tmp_path, PACKAGE)

    def alike():
        by_file, by_name = load_target("pkg/mine.py:Mine"), load_target("pkg.mine:Mine")
        return by_file is by_name, by_file.width

    assert at(tmp_path, alike) == (True, 3)
    assert at(tmp_path / "pkg", lambda: load_target("mine.py:Mine").width) == 3


def test_a_namespace_package_s_relative_imports_work(tmp_path):
    written(tmp_path, {name: text for name, text in PACKAGE.items() if "__init__" not in name})
    assert at(tmp_path, lambda: load_target("pkg/mine.py:Mine").width) == 3


def test_a_file_that_needs_nothing_of_its_package_loads_where_the_package_fails(tmp_path):
    written(tmp_path, {"pkg/__init__.py": "import not_installed\n", "pkg/mine.py": "Mine = int\n"})
    assert at(tmp_path, load_target, "pkg/mine.py:Mine") is int


def test_a_file_that_needs_its_package_is_told_why_that_fails(tmp_path):
    written(tmp_path, PACKAGE | {"pkg/__init__.py": "import not_installed\n"})

    def reason():
        with pytest.raises(CannotLoad) as error:
            load_target("pkg/mine.py:Mine")
        return str(error.value), error.value.lack

    assert at(tmp_path, reason) == (
        "pkg/mine.py: cannot import pkg: ModuleNotFoundError: No module named 'not_installed'",
        Lack.BROKEN,
    )


def test_a_package_that_is_called_like_one_of_python_s_loads(tmp_path):
    written(tmp_path, {name.replace("pkg", "code"): text for name, text in PACKAGE.items()})

    def width():
        import code  # noqa: F401 - Python's, as torch may have imported it

        return load_target("code/mine.py:Mine").width

    assert at(tmp_path, width) == 3


# -- strangers' packages that are called like ours -----------------------------------------------


LAZY = """
class Mine:
    def late(self):
        from {name}.parts import WIDTH

        return WIDTH
"""


@pytest.mark.parametrize("name", ["impls", "bench", "tests"])
@pytest.mark.parametrize("spelling", ["{name}.mine:Mine", "{name}/mine.py:Mine"])
def test_a_stranger_s_package_that_is_called_like_ours_loads(tmp_path, name, spelling):
    files = {f"{name}/__init__.py": "", f"{name}/parts.py": "WIDTH = 3\n"}
    written(tmp_path, files | {f"{name}/mine.py": LAZY.format(name=name)})

    def used():
        found = load_target(spelling.format(name=name))
        late = found().late()  # what functions import later is theirs, too
        again = pickle.loads(pickle.dumps(found))
        return late, again is found, load_target("torch_nn").__module__

    assert at(tmp_path, used) == (3, True, "impls.torch_nn")


@pytest.mark.parametrize("init", [{}, {"impls/__init__.py": ""}])
def test_a_file_s_neighbour_that_is_called_impls_is_its_own(tmp_path, init):
    written(tmp_path, init | {"impls/parts.py": "WIDTH = 3\n"})
    written(tmp_path, {"mine.py": "from impls.parts import WIDTH\n\n\nclass Mine: w = WIDTH\n"})
    assert at(tmp_path, lambda: load_target("mine.py:Mine").w) == 3


def test_the_harness_judges_by_its_own_impls_whatever_a_target_brings(tmp_path):
    written(tmp_path, {"impls/__init__.py": "", "impls/parameters.py": "GATES = None\n"})
    written(tmp_path, {"impls/mine.py": "from torch.nn import LSTM as Mine\n"})

    def judged():
        from lstm_bench.conformance.judge import Options, judge

        judgement = judge("impls.mine:Mine", Options(only=("equations",)))
        from impls import parameters

        return str(judgement.verdict), judgement.diagnosis, parameters.GATES

    verdict, diagnosis, gates = at(tmp_path, judged)
    assert verdict == "conforms", diagnosis
    assert gates is None


def test_in_a_process_that_has_an_impls_of_its_own_both_are_found(tmp_path):
    code = (
        "import impls\n"
        "from lstm_bench import check\n"
        "import impls.mine\n"
        "assert impls.mine.Mine is int\n"
        "from lstm_bench.subject.load import load_target\n"
        "print(load_target('torch_nn').__module__, load_target('impls.mine:Mine') is int)\n"
        "assert 'registry' not in vars(impls)\n"
    )
    written(tmp_path, {"impls/__init__.py": "", "impls/mine.py": "Mine = int\n"})
    places = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": places},
    )  # fmt: skip
    assert done.stdout == "impls.torch_nn True\n", done.stderr


def test_two_targets_in_one_process_have_neighbours_of_their_own(tmp_path):
    for name, width in (("a", 1), ("b", 2)):
        mine = "from helper import WIDTH\n\n\ndef make():\n    return WIDTH\n"
        written(tmp_path / name, {"helper.py": f"WIDTH = {width}\n", "mine.py": mine})

    def both():
        return [load_target(f"{name}/mine.py:make")() for name in "ab"]

    assert at(tmp_path, both) == [1, 2]


def test_modules_of_the_caller_s_own_stay_where_they_are(tmp_path):
    written(tmp_path, {"mine.py": "Mine = int\n", "helper.py": "WIDTH = 1\n"})
    written(tmp_path / "theirs", {"helper.py": "WIDTH = 2\n"})

    def kept():
        import helper

        load_target(f"{tmp_path}/mine.py:Mine")
        return sys.modules["helper"] is helper

    assert at(tmp_path, kept, path=[tmp_path / "theirs"])
