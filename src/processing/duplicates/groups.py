"""Groups of photos that are all like the one that is kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


def linked(pairs: Iterable[tuple[T, T]]) -> dict[T, set[T]]:
    """Each that is in a pair -> those that it is in a pair with."""
    found: dict[T, set[T]] = {}
    for first, second in pairs:
        found.setdefault(first, set()).add(second)
        found.setdefault(second, set()).add(first)
    return found


def stars(best_first: Sequence[T], links: Mapping[T, Collection[T]]) -> list[list[T]]:
    """Groups of two and more, the one to keep first: the best takes all that are linked with it, then the best of the
    rest, and so on.

    Every member was compared with the one that is kept and found to be like it. Members that are only like another
    member don't come in: in a chain of pictures, each a little unlike the one before, the ends have nothing in common.
    """
    place = {one: number for number, one in enumerate(best_first)}
    taken: set[T] = set()
    groups = []
    for one in best_first:
        if one in taken:
            continue
        like = sorted((other for other in links.get(one, ()) if other in place and other not in taken), key=place.get)  # type: ignore[arg-type]
        if like:
            taken.update((one, *like))
            groups.append([one, *like])
    return groups


def connected(links: Mapping[T, Collection[T]]) -> list[set[T]]:
    """All that are linked with each other, be it through others: for what people said is the same."""
    found: list[set[T]] = []
    seen: set[T] = set()
    for one in links:
        group, ahead = set[T](), [one] if one not in seen else []
        while ahead:
            here = ahead.pop()
            group.add(here)
            ahead += [other for other in links[here] if other not in group]
        if group:
            found.append(group)
            seen |= group
    return found
