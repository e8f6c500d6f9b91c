"""Dates as people write them, in four languages, and as ISO 8601 has them.

Every text has one right answer: in numbers the day comes first unless four digits of a year do, and
years of two digits, which come for these only, are those from 1970 to 2069.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from typing import NamedTuple

ABOUT = "dates in English, German, French, Spanish and numbers, and in ISO form"
COLUMNS = ("date", "iso")

FIRST_DAY = datetime.date(1900, 1, 1).toordinal()
DAYS = datetime.date(2100, 1, 1).toordinal() - FIRST_DAY

# Years that two digits stand for.
SHORT_YEARS = range(1970, 2070)

# A quarter of the dates is in lower case, a sixth in upper case.
LOWER = 1 / 4
UPPER = 1 / 6


class Language(NamedTuple):
    """Names and forms of dates; weeks begin on Monday.

    Forms are those of str.format; beside the names there are ``d`` and ``m`` (as 5), ``dd`` and
    ``mm`` (as 05), ``nth`` (5th), ``y`` (1998) and ``yy`` (98).
    """

    months: tuple[str, ...]
    short_months: tuple[str, ...]
    weekdays: tuple[str, ...]
    short_weekdays: tuple[str, ...]
    nth: tuple[str, ...]  # of the days 1 to 31
    forms: tuple[str, ...]


def _ending(day: int) -> str:
    """What follows an English day: st, nd, rd or th."""
    return "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


_DAYS = range(1, 32)

ENGLISH = Language(
    (
        "January", "February", "March", "April", "May", "June", "July", "August", "September",
        "October", "November", "December",
    ),
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    tuple(f"{day}{_ending(day)}" for day in _DAYS),
    (
        "{d} {month} {y}", "{month} {d}, {y}", "{nth} {month} {y}", "{month} {nth}, {y}",
        "{nth} of {month} {y}", "the {nth} of {month}, {y}", "{weekday}, {d} {month} {y}",
        "{weekday}, {month} {d}, {y}", "{weekday}, the {nth} of {month} {y}",
        "{weekday} {nth} {month} {y}", "on {weekday}, {nth} {month} {y}", "{d} {mon} {y}",
        "{mon} {d}, {y}", "{wd}, {d} {mon} {y}", "{wd} {mon} {d} {y}", "{dd}-{mon}-{y}",
        "{d} {mon} '{yy}", "{mon} {d}, '{yy}",
    ),
)  # fmt: skip

GERMAN = Language(
    (
        "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September",
        "Oktober", "November", "Dezember",
    ),
    (
        "Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.",
        "Dez.",
    ),
    ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
    tuple(f"{day}." for day in _DAYS),
    (
        "{nth} {month} {y}", "{dd}. {month} {y}", "am {nth} {month} {y}", "der {nth} {month} {y}",
        "{weekday}, {nth} {month} {y}", "{weekday}, der {nth} {month} {y}",
        "am {weekday}, dem {nth} {month} {y}", "{wd}, {nth} {month} {y}", "{nth} {mon} {y}",
        "{wd}, {nth} {mon} {y}", "{nth} {mon} '{yy}",
    ),
)  # fmt: skip

FRENCH = Language(
    (
        "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
        "octobre", "novembre", "décembre",
    ),
    (
        "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.",
        "déc.",
    ),
    ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    ("lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim."),
    ("1er", *(str(day) for day in _DAYS[1:])),
    (
        "{nth} {month} {y}", "le {nth} {month} {y}", "{weekday} {nth} {month} {y}",
        "le {weekday} {nth} {month} {y}", "{weekday}, le {nth} {month} {y}", "{nth} {mon} {y}",
        "{wd} {nth} {mon} {y}", "le {nth} {mon} {y}", "{nth} {mon} '{yy}",
    ),
)  # fmt: skip

SPANISH = Language(
    (
        "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
        "octubre", "noviembre", "diciembre",
    ),
    ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"),
    ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    ("lun", "mar", "mié", "jue", "vie", "sáb", "dom"),
    ("1º", *(str(day) for day in _DAYS[1:])),
    (
        "{d} de {month} de {y}", "el {d} de {month} de {y}", "{nth} de {month} de {y}",
        "{weekday}, {d} de {month} de {y}", "{weekday} {d} de {month} de {y}",
        "el {weekday}, {d} de {month} de {y}", "{d} {month} {y}", "{d} {mon} {y}",
        "{wd}, {d} {mon} {y}", "{dd}-{mon}-{y}", "{d} {mon} '{yy}",
    ),
)  # fmt: skip

NUMBERS = (
    "{dd}/{mm}/{y}", "{d}/{m}/{y}", "{dd}.{mm}.{y}", "{d}.{m}.{y}", "{d}. {m}. {y}",
    "{dd}-{mm}-{y}", "{y}-{mm}-{dd}", "{y}/{mm}/{dd}", "{y}.{m}.{d}", "{dd}/{mm}/{yy}",
    "{dd}.{mm}.{yy}", "{d}/{m}/{yy}", "{wd}, {dd}.{mm}.{y}",
)  # fmt: skip

# Each is as frequent as the others. In numbers a weekday is German.
LANGUAGES = (ENGLISH, GERMAN, FRENCH, SPANISH, GERMAN._replace(forms=NUMBERS))


def dates(seed: int) -> Iterator[str]:
    """Lines of a date and its ISO form, with a tab between, for ever.

    Days are those of the 20th and the 21st century, all equally likely.
    """
    # Of all its methods, only random() is promised to give the same numbers for ever.
    draw = random.Random(seed).random
    while True:
        day = datetime.date.fromordinal(FIRST_DAY + int(draw() * DAYS))
        language = LANGUAGES[int(draw() * len(LANGUAGES))]
        form = language.forms[int(draw() * len(language.forms))]
        case = draw()
        if "{yy}" in form and day.year not in SHORT_YEARS:
            continue
        text = written(day, language, form)
        if case < LOWER:
            text = text.lower()
        elif case > 1 - UPPER:
            text = text.upper()
        yield f"{text}\t{day.isoformat()}"


def written(day: datetime.date, language: Language, form: str) -> str:
    """A date in one of the forms of a language."""
    number, month, weekday = day.day, day.month - 1, day.weekday()
    return form.format(
        d=number,
        dd=f"{number:02}",
        nth=language.nth[number - 1],
        m=day.month,
        mm=f"{day.month:02}",
        month=language.months[month],
        mon=language.short_months[month],
        weekday=language.weekdays[weekday],
        wd=language.short_weekdays[weekday],
        y=day.year,
        yy=f"{day.year % 100:02}",
    )
