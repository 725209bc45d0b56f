"""Targets that cannot be loaded get one clear line each."""

import pytest

from lstm_bench.errors import UsageError
from lstm_bench.subject.load import load_target


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("torch_n", "did you mean 'torch_nn'"),
        ("no.such.module:LSTM", "cannot import no.such.module"),
        ("nowhere.py:LSTM", "no such file: nowhere.py"),
        ("torch.nn:LSMT", "no attribute 'LSMT'; did you mean 'LSTM'"),
        ("torch:pi", "is a float, not a class or a factory"),
    ],
)
def test_each_mistake_has_its_line(target, message):
    with pytest.raises(UsageError, match=message) as error:
        load_target(target)
    assert "\n" not in str(error.value)


def test_a_syntax_error_is_told_with_its_line(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text("import torch\nclass LSTM(:\n    pass\n")
    with pytest.raises(UsageError, match="SyntaxError in line 2"):
        load_target(f"{file}:LSTM")


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
