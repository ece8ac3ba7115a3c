"""What one part of a query says, to be changed: each change is written into the text, where it can be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import streamlit as st

from src.errors import BadInput
from src.runtime import Services
from src.schema.conditions import STAR
from src.schema.fields import BY_NAME
from src.schema.query_keys import KEYS
from src.services.search.language import MOST_WEIGHT, Like, Reading, Restriction, Term, parse, written
from src.services.search.query_parts import (
    BETWEEN,
    SIGNS,
    Order,
    Part,
    changed,
    compared,
    comparison,
    days,
    days_written,
    parts,
    restriction,
    term,
)
from src.services.search.vocabulary import FACTS
from src.ui import address, state
from src.ui.format import literal
from src.ui.search import filter_panel
from src.ui.search.choices import ORDERS, Choices, draw_once_counted

TYPED = ("name", "caption", "text", "note")
"""Keys whose values are parts of longer texts."""
SIGN_WORDS = dict(zip(SIGNS, ("is", "at least", "at most", "more than", "less than", "from … to"), strict=True))
DAY_ENDS = {"before": ("last",), "after": ("first",)}
"""Keys whose values name one end alone: which."""
DAY_LABELS = {"first": "From", "last": "Until"}
Change = Callable[[Any], Part | None]
"""What becomes of the part as the query has it now; None: it is taken away."""


@dataclass(frozen=True)
class Chip:
    """One of the parts that stand under the box."""

    services: Services
    reading: Reading
    query: str
    """Key of the session where the query's text is kept."""
    number: int
    part: Part
    wrong: str | None = None
    """Why the last change was not made."""

    @property
    def key(self) -> str:
        return f"{self.query}-chip-{self.number}"

    def offer(self, name: str, value: object, change: Change) -> dict[str, Any]:
        """What a widget is told that shows this value and, once it was changed, has the part changed."""
        key = f"{self.key}-{name}"
        if not self.wrong and st.session_state.get(key) != value:  # else what was typed stays
            st.session_state[key] = value
        return {"key": key, "on_change": self.put, "args": (change,)}

    def said(self, name: str) -> Any:
        """What a widget says now."""
        return st.session_state.get(f"{self.key}-{name}")

    def put(self, change: Change) -> None:
        """Write a change into the query; to be called before a run. What makes no sense is told and changes nothing."""
        reading = parse(state.query(self.query))
        now = parts(reading)[self.number : self.number + 1]
        if not now or _kind(now[0]) != _kind(self.part):  # it has been taken away meanwhile
            return
        new = change(now[0])
        try:
            after = changed(reading, self.number, new)
        except BadInput as error:
            state.set_message(error.user_message)
            return
        state.ask(written(after), self.query)
        state.set_filtered(self.query)
        if parts(after)[self.number : self.number + 1] == (new,):
            st.session_state[self.key] = True  # it stays open, whatever it is called now


def _kind(part: Part) -> tuple[type, str]:
    return type(part), part.key if isinstance(part, Restriction) else ""


def show(chip: Chip) -> None:
    """In what has opened from a chip."""
    chip = replace(chip, wrong=state.take_message())
    part = chip.part
    if isinstance(part, Term):
        _show_term(chip, part)
    elif isinstance(part, Restriction):
        _show_restriction(chip, part)
    elif isinstance(part, Like):
        _show_like(chip, part)
    else:
        _show_order(chip, part)
    if chip.wrong:
        st.error(literal(chip.wrong))


def _show_term(chip: Chip, part: Term) -> None:
    def change(_: Term) -> Term | None:
        return term(*map(chip.said, ("words", "weight", "not", "phrase")))

    st.text_input("Words", **chip.offer("words", part.text, change))
    st.checkbox("Not wanted", **chip.offer("not", part.negative, change))
    st.checkbox("Just these words, in this order", **chip.offer("phrase", part.phrase, change))
    st.number_input(
        "Counts so many times", 0.1, MOST_WEIGHT, step=0.5, format="%g", **chip.offer("weight", part.weight, change)
    )


def _show_like(chip: Chip, part: Like) -> None:
    if chip.services.library.thumbnail(part.id):
        source = escape(address.on_server(f"/api/thumb/{part.id}"))
        st.html(f'<img src="{source}" alt="The photo" height="120" style="border-radius:8px">')
    choice = chip.offer("not", part.negative, lambda now: replace(now, negative=chip.said("not")))
    st.checkbox("Not like this one", **choice)


def _show_order(chip: Chip, part: Order) -> None:
    choices = Choices(chip.services, chip.reading, ())
    options = list(dict.fromkeys([part.name, *choices.values("sort")]))
    choice = chip.offer("order", part.name, lambda _: Order(chip.said("order")))
    st.selectbox("Order", options, format_func=ORDERS.__getitem__, **choice)


# ---------------------------------------------------------------- filters


def _show_restriction(chip: Chip, part: Restriction) -> None:
    key = KEYS[part.key]
    fact = BY_NAME[key.fields[0]] if key.fields else None
    st.caption(key.help)
    if len(part.values) > 1:
        _show_several(chip, part)
    elif fact and fact.kind == "moment":
        _show_days(chip, part)
    elif fact and fact.operator == "range":
        _show_comparison(chip, part)
    elif part.key in TYPED:
        choice = chip.offer("value", _typed(part.values[0]), _values(chip, lambda: [chip.said("value")]))
        st.text_input("Text", **choice)
    else:
        _show_value(chip, part)
    label = "None of these" if len(part.values) > 1 else "Not this"
    st.checkbox(label, **chip.offer("not", part.negative, lambda now: replace(now, negative=chip.said("not"))))


def _values(chip: Chip, said: Callable[[], list[str | None]]) -> Change:
    """A filter with other values of the same key."""

    def change(now: Restriction) -> Restriction | None:
        values = [(value or "").replace("\\*", STAR) for value in said()]
        return restriction(now.key, values, now.negative)

    return change


def _typed(value: str) -> str:
    return value.replace(STAR, "\\*")


def _offered(chip: Chip, part: Restriction) -> Choices:
    """The values of its key, counted among the photos that pass the rest of the query."""
    rest = changed(chip.reading, chip.number, None)
    keys = (part.key,) if part.key in FACTS or part.key == "in" else ()
    draw_once_counted(chip.services, rest, keys)
    return Choices(chip.services, rest, keys)


def _show_value(chip: Chip, part: Restriction) -> None:
    """Another value instead, or one more that is right as well."""
    choices, value = _offered(chip, part), part.values[0]
    values = choices.values(part.key)
    named = choices.named(part.key, [value, *values])
    options = list(dict.fromkeys([value, *values]))
    instead = _values(chip, lambda: [chip.said("value")])
    st.selectbox(
        KEYS[part.key].label,
        options,
        format_func=lambda one: named.get(one, one),
        accept_new_options=True,
        **chip.offer("value", value, instead),
    )
    beside = _values(chip, lambda: [*part.values, chip.said("or")])
    st.selectbox(
        "Or",
        [one for one in options if one != value],
        format_func=lambda one: named.get(one, one),
        index=None,
        accept_new_options=True,
        placeholder="One more that is right as well",
        **chip.offer("or", None, beside),
    )


def _show_several(chip: Chip, part: Restriction) -> None:
    choices = _offered(chip, part)
    options = list(dict.fromkeys([*part.values, *choices.values(part.key)]))
    named = choices.named(part.key, options)
    choice = chip.offer("values", list(part.values), _values(chip, lambda: chip.said("values")))
    st.multiselect("One of", options, format_func=lambda one: named.get(one, one), accept_new_options=True, **choice)


def _show_comparison(chip: Chip, part: Restriction) -> None:
    def change(now: Restriction) -> Restriction | None:
        sign, first, last = map(chip.said, ("sign", "first", "last"))
        return restriction(now.key, [comparison(sign, first or "", last or "")], now.negative)

    sign, first, last = compared(part.values[0])
    label = KEYS[part.key].label
    st.selectbox(label, SIGNS, format_func=SIGN_WORDS.__getitem__, **chip.offer("sign", sign, change))
    st.text_input("From" if sign == BETWEEN else "Value", **chip.offer("first", first, change))
    if sign == BETWEEN:
        st.text_input("To", **chip.offer("last", last, change))


def _show_days(chip: Chip, part: Restriction) -> None:
    """The first day and the last; of the date that photos were taken on also a whole year."""
    if part.key == "date":
        choices = _offered(chip, part)
        years = [year for year in choices.values("date") if year != part.values[0]]
        named = choices.named("date", years)
        year = _values(chip, lambda: [chip.said("year")])
        st.selectbox(
            "All of a year",
            years,
            format_func=lambda one: named.get(one, one),
            index=None,
            placeholder="Choose a year",
            **chip.offer("year", None, year),
        )

    def change(now: Restriction) -> Restriction | None:
        return restriction(now.key, [days_written(now.key, chip.said("first"), chip.said("last"))], now.negative)

    ends = dict(zip(DAY_LABELS, map(filter_panel.on_calendar, days(part.key, part.values[0])), strict=True))
    for end in DAY_ENDS.get(part.key, tuple(ends)):
        st.date_input(
            DAY_LABELS[end],
            min_value=filter_panel.EARLIEST,
            max_value=filter_panel.LATEST,
            format="YYYY-MM-DD",
            **chip.offer(end, ends[end], change),
        )
