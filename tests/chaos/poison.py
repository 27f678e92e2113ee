"""Messages made to kill a worker, each by name and with its end."""

from out_of_range import encoded_words, numbers, shapes, texts
from stuffing import Poison
from too_much import crowds, long_texts, structures

FAMILIES = (long_texts, structures, crowds, encoded_words, texts, numbers, shapes)

POISON: dict[str, Poison] = {each.name: each for family in FAMILIES for each in family()}
