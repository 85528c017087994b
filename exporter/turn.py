"""When the turn after this one is. Pure."""


def next_turn(due: float, step: float, place: float, *, earliest: float) -> float:
    """When the turn after `due` is: a step later, less up to a tenth of it until turns lie at their place in the step.

    So the first runs come soon, no two are further apart than a step, and in the end components are spread over it.
    Nothing is taken from a turn that would then lie before `earliest`: a run as long as its step has none to give.
    """
    following = due + step
    beyond = (following / step - place) % 1.0
    if beyond > 1 - 1e-6:  # at its place, but for rounding
        return following
    return max(following - min(beyond, 0.1) * step, min(following, earliest))
