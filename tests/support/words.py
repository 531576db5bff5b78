"""A shop whose photos' vectors are made of a colour and a kind, with names in several languages."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import psycopg

from app.database import Database
from tests.support.products import store_model, store_product, unit_vectors
from tests.support.vectors import model_of
from worker.training.word_job import Learnt, train_words

DIMENSIONS = 48
EACH = 8
"""Products of a colour and a kind."""

COLOURS = {
    "en": ("red", "navy blue", "green", "yellow"),
    "de": ("rotes", "blaues", "grünes", "gelbes"),
    "ru": ("красное", "синее", "зелёное", "жёлтое"),
    "zh": ("红色", "蓝色", "绿色", "黄色"),
}
KINDS = {
    "en": ("dress", "shirt", "handbag", "watch", "sandal"),
    "de": ("Kleid", "Hemd", "Täschchen", "Ührchen", "Tuch"),
    "ru": ("платье", "пальто", "кольцо", "бельё", "одеяло"),
    "zh": ("连衣裙", "衬衫", "手提包", "手表", "凉鞋"),
}


def stock(connection: psycopg.Connection[object], language: str = "en") -> None:
    """Store products numbered from 1, colour by colour and kind by kind, and their vectors."""
    store_model(connection, DIMENSIONS)
    colours, kinds = COLOURS[language], KINDS[language]
    looks = unit_vectors(len(colours) + len(kinds), DIMENSIONS)
    noise = unit_vectors(len(colours) * len(kinds) * EACH, DIMENSIONS, seed=4)
    space = "" if language == "zh" else " "
    what = product(enumerate(colours), enumerate(kinds, len(colours)), range(EACH))
    for number, ((colour, colour_name), (kind, kind_name), _) in enumerate(what, start=1):
        vector = looks[colour] + looks[kind] + 0.4 * noise[number - 1]
        vector /= np.linalg.norm(vector)
        store_product(
            connection,
            f"S-{number}",
            [f"{number}.jpg"],
            [vector],
            product_display_name=f"{colour_name}{space}{kind_name}",
            brand_name=("Northpeak", "Velmora")[number % 2],
            base_colour=colour_name,
            article_type=kind_name,
        )


def learn(database: Database, held_out: float = 0.15) -> Learnt:
    """Learn the words of the shop."""
    return train_words(database, model_of(database, "made_up"), held_out)


def numbers(skus: Sequence[str]) -> list[tuple[int, int]]:
    """Return the place of each product's colour and kind in `COLOURS` and `KINDS`."""
    found = [int(sku.removeprefix("S-")) - 1 for sku in skus]
    return [(at // (5 * EACH), at // EACH % 5) for at in found]
