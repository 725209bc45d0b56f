"""How a state is handed over and how a result is read, by short names that look like it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tests.spellings.cells import LSTMState
from tests.spellings.states import State

# Arguments for a state (h, c), each (B, H).
GIVE: dict[str, Callable[[Tensor, Tensor], tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "(h,c)": lambda h, c: (((h, c),), {}),
    "[h,c]": lambda h, c: (([h, c],), {}),
    "(1h,1c)": lambda h, c: (((h[None], c[None]),), {}),
    "(1c,1h)": lambda h, c: (((c[None], h[None]),), {}),
    "(B1h,B1c)": lambda h, c: (((h[:, None], c[:, None]),), {}),
    "[(h,c)]": lambda h, c: (([(h, c)],), {}),
    "h,c": lambda h, c: ((h, c), {}),
    "2BH": lambda h, c: ((torch.stack([h, c]),), {}),
    "21BH": lambda h, c: ((torch.stack([h, c])[:, None],), {}),
    "hc": lambda h, c: ((torch.cat([h, c], 1),), {}),
    "ch": lambda h, c: ((torch.cat([c, h], 1),), {}),
    "dict": lambda h, c: (({"h": h, "c": c},), {}),
    "None,(1h,1c)": lambda h, c: ((None, (h[None], c[None])), {}),
    "None,h,c": lambda h, c: ((None, h, c), {}),
    "(c,h)": lambda h, c: (((c, h),), {}),
    "c,h": lambda h, c: ((c, h), {}),
    "LSTMState": lambda h, c: ((LSTMState(hidden=h, cell=c),), {}),
    "State": lambda h, c: ((State(h=h, c=c),), {}),
    "c0=,h0=": lambda h, c: ((), {"c0": c, "h0": h}),
    "hidden=,cell=": lambda h, c: ((), {"hidden": h, "cell": c}),
    "h0=,c0=": lambda h, c: ((), {"h0": h, "c0": c}),
    "hx=,cx=": lambda h, c: ((), {"hx": h, "cx": c}),
    "hid_init=,cell_init=": lambda h, c: ((), {"hid_init": h, "cell_init": c}),
}

# A result as (y, h, c); None for what it does not hold.
TAKE: dict[str, Callable[[Any], tuple[Any, Any, Any]]] = {
    "y": lambda r: (r, None, None),
    "[y]": lambda r: (torch.stack(r), None, None),
    "y,(h,c)": lambda r: (r[0], *r[1]),
    "[y],(h,c)": lambda r: (torch.stack(r[0]), *r[1]),
    "y,(1h,1c)": lambda r: (r[0], r[1][0][0], r[1][1][0]),
    "y,(1c,1h)": lambda r: (r[0], r[1][1][0], r[1][0][0]),
    "y,(B1h,B1c)": lambda r: (r[0], r[1][0][:, 0], r[1][1][:, 0]),
    "y,[(h,c)]": lambda r: (r[0], *r[1][0]),
    "y,h,c": lambda r: tuple(r),
    "y,c,h": lambda r: (r[0], r[2], r[1]),
    "y,2BH": lambda r: (r[0], *r[1]),
    "y,21BH": lambda r: (r[0], *r[1][:, 0]),
    "y,hc": lambda r: (r[0], *r[1].chunk(2, 1)),
    "dict": lambda r: (r.get("output"), r["h"], r["c"]),
    "hs,cs by time": lambda r: (r[0], None, r[1][-1]),
    "hs,cs by batch": lambda r: (r[0], None, r[1][:, -1]),
    # cells
    "(h,c)": lambda r: (None, *r),
    "(c,h)": lambda r: (None, r[1], r[0]),
    "h,(h,c)": lambda r: (None, *r[1]),
    "(c,h),h": lambda r: (None, r[1], r[0][0]),
    "h,ch": lambda r: (None, r[0], r[1].chunk(2, 1)[0]),
    "2BH": lambda r: (None, *r),
}
