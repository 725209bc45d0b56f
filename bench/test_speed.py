"""Speed of every implementation, as pytest-benchmark tests.

    pytest bench                                   # about a minute
    pytest bench -k "torch_nn and step"
    pytest bench --lstm-preset documented --benchmark-json=x.json
    pytest bench --benchmark-group-by=param:workload,param:pass_name --benchmark-compare

``lstm-bench run --from-json x.json`` makes the summaries of ``lstm-bench run`` from the JSON. Each
implementation must be right on the very sizes to be timed; there is no assertion on time.
"""


def test_speed(cell):
    cell()
