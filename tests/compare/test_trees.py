"""Two trees of a repository: the commit's and the working tree's, and nothing left behind."""

import subprocess

import pytest

from lstm_bench.compare import trees
from lstm_bench.errors import UsageError


def git(folder, *arguments):
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "kept.py").write_text("old\n")
    (folder / "gone.py").write_text("gone\n")
    (folder / ".gitignore").write_text("ignored.py\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    (folder / "kept.py").write_text("new\n")
    (folder / "gone.py").unlink()
    (folder / "added.py").write_text("added\n")
    (folder / "ignored.py").write_text("ignored\n")
    return folder


def test_both_trees_are_what_they_say(repository):
    with trees.side_by_side(repository, "HEAD") as (before, now):
        assert (before / "kept.py").read_text() == "old\n"
        assert (before / "gone.py").exists()
        assert (now / "kept.py").read_text() == "new\n"
        assert sorted(p.name for p in now.iterdir()) == [".gitignore", "added.py", "kept.py"]
        assert len(str(before)) == len(str(now))


def test_nothing_is_left_behind(repository):
    before = git(repository, "status", "--porcelain")
    with pytest.raises(KeyboardInterrupt), trees.side_by_side(repository, "HEAD") as (tree, _):
        raise KeyboardInterrupt
    assert not tree.parent.exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert git(repository, "status", "--porcelain") == before


def test_a_ref_that_does_not_exist_is_told(repository):
    with pytest.raises(UsageError, match="git knows no commit 'nowhere'"):
        trees.commit(repository, "nowhere")


def test_outside_of_a_repository_it_is_told(tmp_path):
    with pytest.raises(UsageError, match="not a git repository"):
        trees.top(tmp_path)
