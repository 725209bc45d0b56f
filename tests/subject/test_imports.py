"""A side's code comes from its own tree, and what does not is seen."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lstm_bench.compare import trees
from lstm_bench.compare.arms import Side, State
from lstm_bench.git import ignores, ignores_all
from lstm_bench.subject import imports
from lstm_bench.subject.load import load_target, registered_in
from tests.compare.repositories import BEFORE, NOW, at, git, repository, written

USER = "from {module} import Mine as Theirs\n\n\nclass Mine(Theirs):\n    pass\n"


def sides(folder, target, path=(), *, question=lambda found: found.side, cwd=None):
    """(of the commit's tree, of the working tree's): what a target says there, or what it lacks.

    path: what the process has in sys.path, as by PYTHONPATH or an editable install.
    """
    with trees.side_by_side(folder, "HEAD") as both:
        found = []
        for name, root in zip(("before", "now"), both, strict=True):
            side = Side(name, (target,), str(root))

            def ask(side=side):
                state = side.state_of(0)
                if state.state is not State.PRESENT:
                    return state.state, state.reason
                return question(side.load(0))

            found.append(at(cwd or folder, ask, path=list(path)))
        return tuple(found)


@pytest.mark.parametrize(
    ("file", "target", "path"),
    [
        ("mine.py", "mine.py:Mine", []),
        ("mine.py", "mine:Mine", ["."]),
        ("pkg/mine.py", "pkg/mine.py:Mine", []),
        ("pkg/mine.py", "pkg.mine:Mine", ["."]),
        ("src/pkg/mine.py", "src/pkg/mine.py:Mine", ["src"]),
        ("src/pkg/mine.py", "pkg.mine:Mine", ["src"]),
        ("python/pkg/mine.py", "python/pkg/mine.py:Mine", ["python"]),
        ("python/pkg/mine.py", "pkg.mine:Mine", ["python"]),
        ("impls/mine.py", "impls.mine:Mine", ["."]),
        ("tests/mine.py", "tests.mine:Mine", ["."]),
        ("bench/mine.py", "bench/mine.py:Mine", []),
    ],
)
@pytest.mark.parametrize("initial", [True, False], ids=["package", "namespace"])
def test_each_side_s_code_is_its_tree_s(tmp_path, file, target, path, initial):
    package = Path(file).parent.name
    files = {f"{Path(file).parent}/__init__.py": ""} if initial and package else {}
    folder = repository(tmp_path / "r", files | {file: BEFORE}, {file: NOW})
    found = sides(folder, target, [folder / entry for entry in path])
    assert found == ("before", "now")


def test_a_helper_that_is_on_the_path_is_each_tree_s_own(tmp_path):
    """An editable install or PYTHONPATH gives the working tree's helper to both sides."""
    files = {"mine.py": USER.format(module="helper"), "lib/helper.py": BEFORE}
    folder = repository(tmp_path / "r", files, {"lib/helper.py": NOW})
    assert sides(folder, "mine.py:Mine", [folder / "lib"]) == ("before", "now")


def test_a_helper_that_one_side_lacks_is_not_lent_by_the_other(tmp_path):
    folder = repository(
        tmp_path / "r", {"mine.py": BEFORE},
        {"mine.py": USER.format(module="helper"), "lib/helper.py": NOW},
    )  # fmt: skip
    git(folder, "add", "mine.py")
    git(folder, "commit", "-q", "-m", "the helper was forgotten")
    before, now = sides(folder, "mine.py:Mine", [folder / "lib"])
    assert before[0] is State.BROKEN
    assert "No module named 'helper'" in before[1]
    assert now == "now"


class Editable:
    """A finder as an editable install leaves it on sys.meta_path: names, and where they lie."""

    def __init__(self, places):
        self.places = places

    def find_spec(self, name, path=None, target=None):
        from importlib.util import spec_from_file_location

        return spec_from_file_location(name, self.places[name]) if name in self.places else None


@pytest.mark.parametrize("first", [True, False])
def test_an_editable_install_s_finder_gives_each_side_its_own(tmp_path, first):
    files = {"mine.py": USER.format(module="theirs"), "odd/place/__init__.py": BEFORE}
    folder = repository(tmp_path / "r", files, {"odd/place/__init__.py": NOW})
    finder = Editable({"theirs": str(folder / "odd/place/__init__.py")})
    sys.meta_path.insert(0 if first else len(sys.meta_path), finder)
    try:
        assert sides(folder, "mine.py:Mine") == ("before", "now")
    finally:
        sys.meta_path.remove(finder)


def test_what_was_imported_before_is_imported_anew(tmp_path):
    files = {"mine.py": USER.format(module="helper"), "lib/helper.py": BEFORE}
    folder = repository(tmp_path / "r", files, {"lib/helper.py": NOW})

    def state(root):
        __import__("helper")
        return Side("s", ("mine.py:Mine",), root).load(0).side

    with trees.side_by_side(folder, "HEAD") as both:
        found = [at(folder, state, str(root), path=[folder / "lib"]) for root in both]
    assert found == ["before", "now"]


def test_what_functions_import_or_read_later_is_the_tree_s(tmp_path):
    lazy = (
        "class Mine:\n    @staticmethod\n    def late():\n        from helper import Mine\n"
        "        return Mine.side, open('note.txt').read()\n"
    )
    files = {"mine.py": lazy, "lib/helper.py": BEFORE, "note.txt": "old"}
    folder = repository(tmp_path / "r", files, {"lib/helper.py": NOW, "note.txt": "new"})
    found = sides(folder, "mine.py:Mine", [folder / "lib"], question=lambda mine: mine.late())
    assert found == (("before", "old"), ("now", "new"))


@pytest.mark.parametrize("others", [{}, {"mine.py": "Mine = int\n"}])
def test_the_caller_s_folder_is_the_tree_s_too_and_goes_first(tmp_path, others):
    folder = repository(tmp_path / "r", others | {"work/mine.py": BEFORE}, {"work/mine.py": NOW})
    assert sides(folder, "mine:Mine", cwd=folder / "work") == ("before", "now")


# -- what git ignores ----------------------------------------------------------------------------


IGNORING = {".gitignore": "_version.py\n*.so\n.venv/\nvendored/\n", "pkg/__init__.py": ""}


def test_a_generated_file_that_git_ignores_serves_both_sides(tmp_path):
    mine = "from ._version import version\n"
    folder = repository(
        tmp_path / "r", IGNORING | {"pkg/mine.py": mine + BEFORE},
        {"pkg/mine.py": mine + NOW, "pkg/_version.py": "version = 1\n"},
    )  # fmt: skip
    assert sides(folder, "pkg.mine:Mine", [folder]) == ("before", "now")


def test_what_is_compiled_and_ignored_is_not_shared(tmp_path):
    """Both sides would be timed with the working tree's machine code."""
    files = IGNORING | {"pkg/mine.py": "from . import _fast\n" + BEFORE}
    folder = repository(tmp_path / "r", files, {})
    built = Path(sys.modules["torch._C"].__file__)
    (folder / "pkg" / f"_fast{''.join(built.suffixes)}").symlink_to(built)
    for state, reason in sides(folder, "pkg.mine:Mine", [folder]):
        assert state is State.BROKEN
        assert "_fast" in reason


def test_packages_installed_inside_the_repository_are_no_strays(tmp_path):
    place = ".venv/lib/python3/site-packages"
    folder = repository(
        tmp_path / "r", IGNORING | {"mine.py": "import installed\n" + BEFORE},
        {"mine.py": "import installed\n" + NOW, f"{place}/installed.py": ""},
    )  # fmt: skip
    assert sides(folder, "mine.py:Mine", [folder / place]) == ("before", "now")


# -- strays --------------------------------------------------------------------------------------


INSERTING = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("helper", {file!r})
sys.modules["helper"] = helper = importlib.util.module_from_spec(spec)
spec.loader.exec_module(helper)


class Mine(helper.Mine):
    pass
"""


def test_a_module_that_is_taken_from_the_working_tree_by_its_path_is_a_stray(tmp_path):
    file = tmp_path / "r" / "lib" / "helper.py"
    files = {"mine.py": INSERTING.format(file=str(file)), "lib/helper.py": BEFORE}
    folder = repository(tmp_path / "r", files, {"lib/helper.py": NOW})
    for state, reason in sides(folder, "mine.py:Mine"):
        assert state is State.STRAY
        assert f"module helper comes from {file}" in reason


UNNAMED = {
    "exec": "found = {{}}; exec(open({file!r}).read(), found); Mine = found['Mine']",
    "runpy": "import runpy; Mine = runpy.run_path({file!r})['Mine']",
    "spec": "import importlib.util as u; s = u.spec_from_file_location('helper', {file!r}); "
    "m = u.module_from_spec(s); s.loader.exec_module(m); Mine = m.Mine",
}


@pytest.mark.parametrize("way", UNNAMED)
def test_code_that_is_executed_by_its_path_under_no_name_is_a_stray(tmp_path, way):
    file = tmp_path / "r" / "lib" / "helper.py"
    files = {"mine.py": UNNAMED[way].format(file=str(file)), "lib/helper.py": BEFORE}
    folder = repository(tmp_path / "r", files, {"lib/helper.py": NOW})
    for _ in range(2):  # the second time there is bytecode
        for state, reason in sides(folder, "mine.py:Mine"):
            assert state is State.STRAY
            assert f"code comes from {file}" in reason


def test_what_is_no_code_or_is_written_may_lie_in_the_working_tree(tmp_path):
    data, made = (tmp_path / "r" / name for name in ("sizes.json", "made.py"))
    code = f"open({str(data)!r}).read(); open({str(made)!r}, 'w').close()\n"
    folder = repository(tmp_path / "r", {"mine.py": code + BEFORE, "sizes.json": "{}"}, {})
    assert sides(folder, "mine.py:Mine") == ("before", "before")


def test_a_module_of_the_other_tree_is_a_stray(tmp_path):
    folder = repository(tmp_path / "r", {"mine.py": BEFORE, "helper.py": BEFORE}, {})
    with trees.side_by_side(folder, "HEAD") as (before, now):

        def found():
            load_target("mine.py:Mine", str(now))
            sys.path.insert(0, str(before))
            __import__("helper")
            return imports.strays(now, folder)

        assert [s.module for s in at(folder, found)] == ["helper"]


def test_a_target_from_elsewhere_is_a_stray(tmp_path):
    folder = repository(tmp_path / "r", {"mine.py": BEFORE}, {})
    written(tmp_path / "elsewhere", {"other.py": NOW})
    for target in ("torch.nn:LSTM", "other:Mine", "torch_nn"):
        for state, reason in sides(folder, target, [tmp_path / "elsewhere"]):
            assert state is State.STRAY, target
            assert "not from this side's tree" in reason


def test_a_link_that_leads_out_of_the_repository_is_a_stray(tmp_path):
    written(tmp_path / "elsewhere", {"other.py": NOW})
    folder = written(tmp_path / "r", {"readme": ""})
    (folder / "mine.py").symlink_to(tmp_path / "elsewhere" / "other.py")
    repository(folder, {}, {})
    assert [state for state, _ in sides(folder, "mine.py:Mine")] == [State.STRAY] * 2


@pytest.mark.parametrize(("editable", "is_stray"), [(False, True), (True, False)])
def test_what_pip_copied_out_of_the_repository_is_a_stray(tmp_path, editable, is_stray):
    folder = repository(tmp_path / "r", {"mine.py": "import copied\n" + BEFORE}, {})
    about = "site-packages/copied-1.dist-info"
    info = '{"editable": true}' if editable else "{}"
    written(
        tmp_path,
        {
            "site-packages/copied.py": "",
            f"{about}/METADATA": "Name: copied\nVersion: 1\n",
            f"{about}/RECORD": "copied.py,,\n",
            f"{about}/direct_url.json": f'{{"url": "file://{folder}", "dir_info": {info}}}',
        },
    )
    found = sides(folder, "mine.py:Mine", [tmp_path / "site-packages"])
    expected = State.STRAY if is_stray else "before"
    assert [f[0] if isinstance(f, tuple) else f for f in found] == [expected] * 2
    written(folder, {"copied.py": ""})
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "with what was copied")
    assert sides(folder, "mine.py:Mine", [tmp_path / "site-packages"]) == ("before", "before")


# -- registered ones -----------------------------------------------------------------------------


REGISTRY = """
from dataclasses import dataclass
ENTRY_POINTS = "lstm_bench.implementations"


@dataclass
class Implementation:
    location: str


def implementations():
    return {names!r} and {{n: Implementation(l) for n, l in {names!r}.items()}}
"""


def test_a_registered_name_means_what_each_tree_s_registry_says(tmp_path):
    before = {"loop": "impls.loop:Loop", "gone": "impls.loop:Loop"}
    now = {"loop": "impls.moved:Mine", "added": "impls.moved:Mine"}
    folder = repository(
        tmp_path / "r",
        {
            "impls/__init__.py": "",
            "impls/registry.py": REGISTRY.format(names=before),
            "impls/loop.py": BEFORE.replace("Mine", "Loop"),
        },
        {
            "impls/registry.py": REGISTRY.format(names=now),
            "impls/loop.py": None,
            "impls/moved.py": NOW,
        },
    )
    assert sides(folder, "loop") == ("before", "now")
    with trees.side_by_side(folder, "HEAD") as both:
        names = [at(folder, registered_in, str(root)) for root in both]
    assert names == [("loop", "gone"), ("loop", "added")]
    assert sides(folder, "added")[0][0] is State.MISSING
    assert sides(folder, "gone")[1][0] is State.MISSING


def test_a_stranger_s_repository_holds_none_of_ours(tmp_path):
    folder = repository(tmp_path / "r", {"impls/__init__.py": "", "impls/mine.py": BEFORE}, {})
    assert [state for state, _ in sides(folder, "torch_nn")] == [State.MISSING] * 2


def test_this_project_s_own_trees_are_told_apart(tmp_path):
    """The harness's own package is taken from a tree, and the harness itself is not."""
    here = Path(trees.__file__).resolve().parents[2]
    files = {str(f.relative_to(here)): f.read_text() for f in here.glob("impls/*.py")}
    folder = repository(tmp_path / "r", files | {"lstm_bench/__init__.py": "1 / 0\n"}, {})

    def where(found):
        import lstm_bench
        from impls import parameters

        return parameters.__file__, Path(lstm_bench.__file__).parent == here / "lstm_bench"

    for file, is_installed in sides(folder, "documented_loop", question=where):
        assert os.path.basename(os.path.dirname(file)) == "impls"
        assert Path(file).is_relative_to(Path(file).parents[1])
        assert not Path(file).is_relative_to(here)
        assert is_installed


def test_a_whole_process_whose_pythonpath_is_the_working_tree(tmp_path):
    """As one types it: an editable install puts the working tree on every process's path."""
    files = {"python/pkg/__init__.py": "", "python/pkg/mine.py": BEFORE}
    folder = repository(tmp_path / "r", files, {"python/pkg/mine.py": NOW})
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from lstm_bench.compare import trees\nfrom lstm_bench.compare.arms import Side\n"
        f"sys.path.append({str(Path(__file__).parents[2])!r})\n"
        "from tests.forked import apart\nimport pkg.mine\n"
        "with trees.side_by_side(Path(), 'HEAD') as both:\n"
        "    print(*(apart(lambda r: Side('s', ('pkg.mine:Mine',), str(r)).load(0).side, r)"
        " for r in both))\n"
    )
    places = os.pathsep.join([str(folder / "python"), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder,
        env={**os.environ, "PYTHONPATH": places},
    )  # fmt: skip
    assert done.stdout == "before now\n", done.stderr


def test_git_s_word_on_what_it_ignores(tmp_path):
    files = {".gitignore": "out/\n*.gen.py\n", "a.py": "", "sub/b.py": ""}
    folder = repository(tmp_path / "r", files, {"out/x.py": "", "out2/y.py": "", "c.gen.py": ""})
    written(folder, {"out/kept/z.py": ""})
    asked = ("a.py", "out/x.py", "out2/y.py", "c.gen.py", "nowhere.py")
    assert [f for f in asked if ignores(folder, str(folder / f))] == ["out/x.py", "c.gen.py"]
    assert ignores_all(folder, str(folder / "out"))
    git(folder, "add", "-f", "out/kept/z.py")
    assert not ignores_all(folder, str(folder / "out"))
    assert not ignores_all(folder, str(folder / "sub"))
