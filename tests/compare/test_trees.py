"""Two trees of a repository: the commit's and the working tree's, and nothing left behind."""

import os
import re
import signal
import subprocess
import sys

import pytest

from lstm_bench import scratch
from lstm_bench.compare import trees
from lstm_bench.errors import UsageError
from tests.compare import repositories
from tests.compare.repositories import git, written
from tests.forked import apart


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where the trees are made: a folder of this test's own."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def repository(tmp_path):
    return repositories.repository(
        tmp_path / "repository",
        {"kept.py": "old\n", "gone.py": "gone\n", ".gitignore": "ignored.py\n"},
        {"kept.py": "new\n", "gone.py": None, "added.py": "added\n", "ignored.py": "ignored\n"},
    )


def commit_all(folder, message="more"):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


def test_both_trees_are_what_they_say(repository):
    with trees.side_by_side(repository, "HEAD") as (before, now):
        assert (before / "kept.py").read_text() == "old\n"
        assert (before / "gone.py").exists()
        assert (now / "kept.py").read_text() == "new\n"
        assert sorted(p.name for p in now.iterdir()) == [".gitignore", "added.py", "kept.py"]
        assert sorted(p.name for p in before.iterdir()) == [".gitignore", "gone.py", "kept.py"]
        assert len(str(before)) == len(str(now))


def test_names_of_every_kind_are_copied(repository):
    names = {" space.py": "1", "umläut.py": "2", "line\nbreak.py": "3", "sub/deep/x.py": "4"}
    written(repository, names)
    strange = os.path.join(os.fsencode(repository), b"\xff.py")
    with open(strange, "w") as file:
        file.write("5")
    commit_all(repository)
    with trees.side_by_side(repository, "HEAD") as both:
        for tree in both:
            assert {n: (tree / n).read_text() for n in names} == names
            assert os.path.exists(os.path.join(os.fsencode(tree), b"\xff.py"))


def test_modes_are_kept(repository):
    (repository / "kept.py").chmod(0o755)
    commit_all(repository)
    with trees.side_by_side(repository, "HEAD") as both:
        assert [os.access(tree / "kept.py", os.X_OK) for tree in both] == [True, True]
        assert [os.access(tree / ".gitignore", os.X_OK) for tree in both] == [False, False]


def test_ends_of_lines_are_as_git_checks_them_out(repository):
    written(repository, {".gitattributes": "*.txt text eol=crlf\n", "a.txt": "one\n"})
    commit_all(repository)
    with trees.side_by_side(repository, "HEAD") as (before, _):
        assert (before / "a.txt").read_bytes() == b"one\r\n"


def test_links_mean_in_a_tree_what_they_mean_in_the_repository(repository, tmp_path):
    written(tmp_path, {"outside.txt": "outside"})
    written(repository, {"folder/a.txt": "old"})
    links = {
        "relative": "folder/a.txt",
        "to_folder": "folder",
        "absolute": repository / "folder" / "a.txt",
        "out": "../outside.txt",
        "out_in_full": tmp_path / "outside.txt",
        "folder/up": "../kept.py",
    }
    for name, goal in links.items():
        (repository / name).symlink_to(goal)
    commit_all(repository)
    written(repository, {"folder/a.txt": "new"})
    with trees.side_by_side(repository, "HEAD") as both:
        for tree, text in zip(both, ("old", "new"), strict=True):
            assert all((tree / name).is_symlink() for name in links)
            for name in ("relative", "absolute", "to_folder/a.txt"):
                assert (tree / name).read_text() == text, name
            for name in ("out", "out_in_full"):
                assert (tree / name).read_text() == "outside", name
            assert (tree / "folder" / "up").resolve() == tree / "kept.py"


def test_hooks_do_not_run(repository, tmp_path):
    for name in ("post-checkout", "post-index-change"):
        hook = repository / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
        hook.chmod(0o755)
    with trees.side_by_side(repository, "HEAD") as (before, _):
        assert (before / "kept.py").exists()
    assert not (tmp_path / "ran").exists()


def test_a_hook_may_run_it(repository, tmp_path, monkeypatch):
    """A hook is told its repository by variables, which do not hold for another."""
    other = repositories.repository(tmp_path / "other", {"other.py": ""}, {})
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    with trees.side_by_side(repository, "HEAD") as both:
        assert [(tree / "kept.py").exists() for tree in both] == [True, True]


def test_the_repository_is_left_as_it_was(repository):
    before = git(repository, "status", "--porcelain"), sorted((repository / ".git").rglob("*"))
    with trees.side_by_side(repository, "HEAD"):
        assert len(git(repository, "worktree", "list").splitlines()) == 1
    after = git(repository, "status", "--porcelain"), sorted((repository / ".git").rglob("*"))
    assert after == before


def test_a_linked_worktree_is_a_repository_too(repository, tmp_path):
    git(repository, "worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    written(tmp_path / "linked", {"kept.py": "edited there\n"})
    with trees.side_by_side(trees.top(tmp_path / "linked"), "HEAD") as both:
        assert [(tree / "kept.py").read_text() for tree in both] == ["old\n", "edited there\n"]


# -- submodules ----------------------------------------------------------------------------------


@pytest.fixture
def parent(repository, tmp_path):
    """A repository with a submodule that is checked out one commit further in its second commit."""
    module = repositories.repository(tmp_path / "module", {"part.py": "first\n"}, {})
    git(repository, "submodule", "add", "-q", str(module), "third/part")
    commit_all(repository, "with a submodule")
    written(module, {"part.py": "second\n"})
    commit_all(module)
    git(repository / "third/part", "pull", "-q", "--ff-only", "origin", "main")
    commit_all(repository, "its second commit")
    written(repository, {"third/part/part.py": "edited\n"})
    return repository


def test_submodules_come_along_each_side_s_commit_of_them(parent):
    for ref, text in (("HEAD~1", "first\n"), ("HEAD", "second\n")):
        with trees.side_by_side(parent, ref) as (before, now):
            assert (before / "third/part/part.py").read_text() == text
            assert (now / "third/part/part.py").read_text() == "edited\n"


def test_a_submodule_that_was_removed_since_is_still_there_in_the_commit(parent):
    git(parent, "submodule", "deinit", "-f", "-q", "third/part")
    git(parent, "rm", "-q", "-f", "third/part")
    git(parent, "commit", "-q", "-m", "removed")
    with trees.side_by_side(parent, "HEAD~1") as (before, now):
        assert (before / "third/part/part.py").read_text() == "second\n"
        assert not (now / "third").exists()


def test_a_submodule_s_commit_that_is_not_here_is_told_in_one_line(parent):
    index = f"160000,{'1' * 40},third/part"
    git(parent, "update-index", "--cacheinfo", index)
    git(parent, "commit", "-q", "-m", "a commit that nobody has pushed")
    with (
        pytest.raises(UsageError, match="submodule third/part is at 111111111") as error,
        trees.side_by_side(parent, "HEAD"),
    ):
        pass
    assert "\n" not in str(error.value)


def test_a_submodule_that_was_never_checked_out_is_in_neither_tree(parent, tmp_path):
    git(tmp_path, "clone", "-q", str(parent), "clone")
    with trees.side_by_side(tmp_path / "clone", "HEAD") as both:
        assert [(tree / "third/part/part.py").exists() for tree in both] == [False, False]


# -- refs and repositories that cannot be compared -----------------------------------------------


def test_a_tag_names_a_commit(repository):
    git(repository, "tag", "-a", "v1", "-m", "a tag with a message")
    assert trees.commit(repository, "v1") == git(repository, "rev-parse", "HEAD").strip()


@pytest.mark.parametrize("ref", ["nowhere", "HEAD^{tree}", "HEAD:kept.py", "--all", "", "a..b"])
def test_a_ref_that_names_no_commit_is_told(repository, ref):
    with pytest.raises(UsageError, match=re.escape(f"git knows no commit '{ref}'")):
        trees.commit(repository, ref)


def test_a_repository_without_commits_is_told(tmp_path):
    git(tmp_path, "init", "-q", "empty")
    with pytest.raises(UsageError, match="it has no commits yet"):
        trees.commit(trees.top(tmp_path / "empty"), "HEAD")


def test_a_commit_that_a_shallow_clone_lacks_is_told(repository, tmp_path):
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{repository}", "shallow")
    with pytest.raises(UsageError, match=r"'HEAD~1'.*it is a shallow clone"):
        trees.commit(tmp_path / "shallow", "HEAD~1")


def test_a_bare_repository_is_told(repository, tmp_path):
    git(tmp_path, "clone", "-q", "--bare", str(repository), "bare")
    with pytest.raises(UsageError, match="is a bare repository"):
        trees.top(tmp_path / "bare")


def test_outside_of_a_repository_it_is_told(tmp_path):
    with pytest.raises(UsageError, match="not a git repository"):
        trees.top(tmp_path)


def test_what_the_disk_refuses_is_told_in_one_line(repository, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(repository / "nowhere"))
    with (
        pytest.raises(UsageError, match="the two trees cannot be made: No such file"),
        trees.side_by_side(repository, "HEAD"),
    ):
        pass


# -- nothing left behind -------------------------------------------------------------------------


def test_nothing_is_left_behind(repository, temporary):
    def interrupted():
        with trees.side_by_side(repository, "HEAD") as (tree, _):
            assert tree.exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(temporary.iterdir()) == []


def test_a_forked_child_that_unwinds_removes_nothing(repository):
    def unwinds(stack):
        stack.__exit__(None, None, None)

    both = trees.side_by_side(repository, "HEAD")
    before, _ = both.__enter__()
    apart(unwinds, both)
    assert (before / "kept.py").exists()
    both.__exit__(None, None, None)
    assert not before.exists()


WAITING = """
import sys, time
from pathlib import Path
from lstm_bench import cli
from lstm_bench.compare import trees


@cli.cli.command("wait")
def wait():
    with trees.side_by_side(Path(), "HEAD"):
        print("ready", flush=True)
        time.sleep(60)


sys.argv = ["lstm-bench", "wait"]
cli.LazyGroup.get_command = lambda *_: wait
cli.main()
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)]
)
def test_a_run_that_is_ended_leaves_nothing_or_the_next_sweeps_it(
    repository, temporary, number, code
):
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING], cwd=repository, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    (left,) = temporary.iterdir()
    scratch.sweep()
    assert left.exists()  # its owner runs
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == code
    assert left.exists() == (number == signal.SIGKILL)
    with trees.side_by_side(repository, "HEAD") as (tree, _):
        assert list(temporary.iterdir()) == [tree.parent]


def test_a_number_that_was_given_to_another_process_is_not_its_owner():
    here = scratch.this_process()
    assert not here.is_gone()
    assert scratch.Owner(here.pid, "another start", here.place).is_gone()
    assert not scratch.Owner(here.pid, "another start", "another container").is_gone()


@pytest.mark.parametrize("text", [None, "", "[]", '{"pid": 1}', "no json"])
def test_a_folder_that_does_not_say_whose_it_is_stays(temporary, text):
    written(temporary / "lstm-bench-x", {"file": "", **({"owner.json": text} if text else {})})
    scratch.sweep()
    assert (temporary / "lstm-bench-x" / "file").exists()


def test_caches_of_two_folders_have_nothing_in_common(tmp_path):
    one, other = scratch.caches(tmp_path / "one"), scratch.caches(tmp_path / "other")
    assert set(one) == {
        "TORCH_EXTENSIONS_DIR", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "NUMBA_CACHE_DIR",
    }  # fmt: skip
    assert len({*one.values(), *other.values()}) == 8


def test_what_this_harness_has_put_into_a_tree_changes_nothing_of_its_code(tmp_path):
    tree = written(tmp_path, {"mine.py": repositories.BEFORE})
    before = trees.digest(tree)
    written(tree, {"reports/g/plan.json": '{"format": "lstm-bench comparison 1"}'})
    written(tree, {"reports/g/blocks.jsonl": "{}\n", "reports/g/a/b.csv": ""})
    assert trees.digest(tree) == before
    written(tree, {"reports/plan.json": '{"format": "another"}'})
    assert trees.digest(tree) != before
