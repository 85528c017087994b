"""What was probably meant by a word that is not known?"""

import difflib
from collections.abc import Iterable


def suggestion(word: str, known: Iterable[str]) -> str:
    """'; did you mean x?' when one of `known` is near `word`, else ''."""
    near = difflib.get_close_matches(word[:64], list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
