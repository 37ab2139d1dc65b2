"""What a check of the doctor says."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "missing", "broken"]


@dataclass(frozen=True)
class Finding:
    """`missing` is something the phone can do without; `broken` is something it cannot. `fix` is empty when all is well."""

    name: str
    state: State
    found: str
    fix: str = ""
