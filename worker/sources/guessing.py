"""Guessing what each column of a source means, by its name and its values."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app.catalog.profile import RESERVED, AttributeType, is_letter, is_name
from worker.sources.photos import WEB, is_picture, parse_photos
from worker.sources.skus import SkuReader
from worker.sources.values import (
    MISSING,
    PARSERS,
    SEPARATORS,
    Parser,
    parse_available,
    parse_discount,
    parse_price,
    parse_text,
    shorten,
    split_list,
)

MAX_FACET = 50
"""Most distinct values of a facet."""

FEW = 0.2
"""Most distinct values of a text attribute, as a share of the rows."""

MANY = 10
"""Rows in which a column that is the same everywhere tells nothing."""

TAG = re.compile(r"</?[a-z]+[ >/]", re.IGNORECASE)
CLOCK = re.compile(r"\d:\d\d")

MAX_TITLE = 200
"""Most characters in a product's name."""

MAX_LABEL = 60
"""Most characters in a value that people choose from a list."""

NAMES: dict[str, str] = {
    "sku": "sku id product_id item_id article_id product_code item_code code article_number "
    "artikelnummer artikel_nr artnr item_number product_number part_number handle reference ref "
    "referencia referenz uid asin identifier variant_sku mpn gtin ean upc barcode part_no "
    "item_sku aw_product_id ordernumber order_number artikelcode codigo codice codice_articolo "
    "teilenummer isbn isbn13 custom_label indeks kod symbol numer_katalogowy kod_produktu "
    "codigo_producto 商品コード 商品番号 商品id 品番 型番 артикул",
    "title": "title product_title name product_name product_display_name display_name item_name "
    "titel bezeichnung produktname artikelbezeichnung titre nom nom_produit nombre titulo nome "
    "naam label post_title artikelname produktbezeichnung titolo nom_du_produit libelle "
    "designation denominazione nazwa nazwa_produktu namn produktnamn navn produktnavn nazev "
    "nome_do_produto 商品名 品名 название наименование description beschreibung "
    "artikelbeschreibung descripcion descrizione omschrijving",
    "photo": "image base_image main_image_url cover_image featured_image image_url image_link "
    "photo photo_url picture picture_url img img_url image_src main_image primary_image "
    "image_path photo_path photo_file image_file bild bild_url bildlink foto foto_url imagen "
    "imagen_url url_imagen image_1 image1 images photos pictures bilder fotos imagenes "
    "merchant_image_url immagine afbeelding fotografia zdjecie zdjecia obraz obrazek obrazki "
    "immagini afbeeldingen billede bilde imagem imagens url_zdjecia url_des_images thumbnail "
    "thumbnail_url media 画像 商品画像 画像url 商品画像url картинка фото",
    "more_photos": "additional_image_link additional_image_links additional_images "
    "additional_photos more_images more_photos other_images extra_images gallery gallery_images "
    "image_gallery image_urls photo_urls images photos pictures bilder weitere_bilder",
    "price": "price regular_price list_price unit_price retail_price base_price original_price "
    "amount rrp msrp uvp preis verkaufspreis listenpreis prix prix_ttc precio prezzo preco pris "
    "variant_price price_incl_vat price_inc_vat price_tax_incl price_gross bruttopreis vk_brutto "
    "brutto_vk vk_preis prijs verkoopprijs pvp selling_price standard_price current_price "
    "search_price display_price price_tax_excl price_list pricing_list prices_list precio_normal "
    "regularer_preis tarif_regulier prezzo_di_listino reguliere_prijs cena cena_brutto "
    "cena_regularna ordinarie_pris start_price buy_it_now_price 価格 定価 通常価格 販売価格 цена",
    "discounted_price": "sale_price special_price discounted_price discount_price offer_price "
    "promo_price promotional_price reduced_price final_price your_price our_price ihr_preis "
    "angebotspreis aktionspreis sonderpreis prix_promo prix_solde precio_oferta precio_rebajado "
    "tarif_promo prezzo_in_offerta actieprijs cena_promocyjna rea_pris price_sale pricing_sale "
    "prices_sale セール価格 特価",
    "brand": "brand brand_name marke marque marca merk vendor manufacturer hersteller fabricant "
    "fabricante maker producer produttore fabrikant supplier ブランド ブランド名 メーカー "
    "メーカー名 бренд производитель producent marka varumarke tillverkare vyrobce c_brand c_marke "
    "c_marque producent_nazwa",
    "available": "availability available is_available in_stock instock stock_status is_in_stock "
    "stock inventory inventory_quantity stock_quantity stock_qty qty quantity on_hand qty_on_hand "
    "quantity_on_hand units_in_stock stock_level stock_count qty_available quantity_available "
    "inventory_qty current_stock_level lagerbestand_gesamt verfugbare_menge existencias "
    "disponibilita voorraad verfugbarkeit verfugbar lieferbar lagerbestand bestand disponibilite "
    "disponible disponibilidad en_stock available_for_sale vorratig quantite quantita cantidad "
    "stan_magazynowy dostepnosc na_stanie ilosc op_voorraad lagersaldo lager sklad estoque "
    "在庫 在庫数 在庫状況 наличие остаток",
}
"""Names that sources use for the core columns, likely names first."""

LIST_PRICES = (
    *("regular_price", "list_price", "original_price", "base_price", "retail_price"),
    *("rrp", "msrp", "uvp", "compare_at_price", "listenpreis", "cena_katalogowa", "定価"),
    "通常価格",
)
"""The price before a discount, where `price` is the one after it."""

MARKETS = "eur usd gbp chf jpy sek dkk nok pln de en fr es it nl ja sv pl"
"""Currencies and languages that stand behind names: preis_eur, title_en."""

NESTED = ("price", "discounted_price", "available")
"""Fields that an object may hold as its own: inventory.quantity, prices.regular_price."""

FURTHER = re.compile(
    r"(?:additional|other|more|extra|weitere|zusatz)_?(?:image|photo|picture|bild|foto)(?!.*_(?:alt|label))"
)
"""Names of columns with further photos, of which there may be several: other_image_url2."""

IDENTIFIER = re.compile(
    r"(?:^|_)(?:id|ids|(?:gtin|ean|upc|isbn)(?:_?1[0-4])?|mpn|barcode|sku|code|url|link|href|uri|uuid|"
    r"hash|phone|zip)$"
)


@dataclass(frozen=True)
class Guess:
    """An attribute proposed for a column."""

    name: str
    column: str
    type: AttributeType
    facet: bool
    distinct: int

    @property
    def note(self) -> str:
        """A comment for the profile."""
        return f"{self.distinct:,} distinct value{'' if self.distinct == 1 else 's'}"


Columns = dict[str, Sequence[Any]]


def guess_core(columns: Columns) -> dict[str, str]:
    """Return the column of each field of a profile's `[source]`."""
    found: dict[str, str] = {}
    words = {column: snake(column) for column in columns}
    for field, names in NAMES.items():
        fits = FITS[field]
        candidates = _candidates(words, names.split())
        if field in NESTED:
            candidates += _nested(words, names.split())
        for column in candidates:
            if column not in found.values() and fits(columns[column]):
                found[field] = column
                break
    if "photo" not in found and "more_photos" in found:
        found["photo"] = found.pop("more_photos")
    if "photo" not in found:
        _guess_photo(columns, found)
    _prefer_list_price(columns, words, found)
    if "sku" not in found:
        _guess_sku(columns, words, found)
    if "title" not in found:
        _guess_title(columns, found)
    return found


def guess_more_photos(columns: Columns, core: dict[str, str]) -> list[str]:
    """Return the columns with further photos: called so, or as the first one with other numbers."""
    if "photo" not in core:
        return []
    more = [core["more_photos"]] if "more_photos" in core else []
    stem = re.sub(r"[\d\s_-]+", "", core.get("photo", "")).lower()
    return more + [
        column
        for column, values in columns.items()
        if column not in core.values()
        and (not _filled(values) or _are_photos(values))
        and (
            (re.search(r"\d", column) and re.sub(r"[\d\s_-]+", "", column).lower() == stem)
            or FURTHER.match(snake(column))
        )
    ]


def guess_attributes(columns: Columns, taken: Sequence[str]) -> tuple[list[Guess], dict[str, str]]:
    """Return attributes for the columns that are not `taken`.

    Returns:
        The attributes; and by column, why the others are not attributes.
    """
    guesses: list[Guess] = []
    left: dict[str, str] = {}
    names: set[str] = set()
    for column, values in columns.items():
        if column in taken:
            continue
        guess = "another price" if snake(column) == "price" else _guess(column, values)
        if isinstance(guess, str):
            left[column] = guess
            continue
        name = attribute_name(column, names)
        names.add(name)
        guesses.append(Guess(name, column, *guess))
    return guesses, left


def _candidates(words: dict[str, str], names: list[str]) -> list[str]:
    """Return the columns that may be meant, likely ones first."""
    market = f"(?:{MARKETS.replace(' ', '|')})"
    exact = [column for name in names for column, word in words.items() if word == name]
    # "Product price (EUR)" is a price, but "price per kilogram" isn't.
    inside = [
        column
        for name in names
        for column, word in words.items()
        if re.fullmatch(
            rf"(?:product|item|article)_{name}(?:_{market})?|{name}_{market}"
            + (rf"|{name}_[a-z]{{2,3}}" if name in names[:8] else ""),
            word,
        )
        and not IDENTIFIER.search(word)
    ]
    return list(dict.fromkeys(exact + inside))


def _nested(words: dict[str, str], names: list[str]) -> list[str]:
    """Return the columns of objects that may be meant: the last part of their path says so."""
    last = {column: snake(column.rpartition(".")[2]) for column in words if "." in column}
    amounts = {
        column: words[column].removesuffix(f"_{word}")
        for column, word in last.items()
        if word in ("amount", "value", "current", "gross")
    }
    return [
        column
        for name in names
        for column, word in (*last.items(), *amounts.items())
        if word == name and word != "amount"
    ]


def _prefer_list_price(columns: Columns, words: dict[str, str], found: dict[str, str]) -> None:
    """Take `price` for the price after a discount where another column has the one before it."""
    now = found.get("price", "")
    if words.get(now) not in ("price", "product_price", "価格"):
        return
    needed = _amounts(columns[now])
    for name in LIST_PRICES:
        for column, word in words.items():
            values = columns[column]
            if word != name or column in found.values():
                continue
            if needed and FITS["price"](values) and _amounts(values) >= needed:
                found["price"] = column
                found.setdefault("discounted_price", now)
                return


def _amounts(values: Sequence[Any]) -> int:
    """Return how many are prices above zero."""
    return sum(_can(parse_discount, value) for value in _filled(values))


def _filled(values: Sequence[Any]) -> list[Any]:
    return [
        v for v in values if v is not None and v == v and not (isinstance(v, str) and not v.strip())
    ]


def _present(values: Sequence[Any]) -> list[Any]:
    """Return the values without the words that stand for none: nan, NULL, n/a."""
    return [v for v in _filled(values) if not (isinstance(v, str) and v.strip().lower() in MISSING)]


def _parses(parse: Parser, share: float) -> Callable[[Sequence[Any]], bool]:
    def fits(values: Sequence[Any]) -> bool:
        filled = _present(values)
        return not filled or sum(_can(parse, value) for value in filled) >= share * len(filled)

    return fits


def _can(parse: Parser, value: Any) -> bool:
    try:
        return parse(value) is not None
    except ValueError:
        return False


def _is_key(values: Sequence[Any]) -> bool:
    """Return whether nearly all rows have a value of their own."""
    return _bad_keys(values) <= 0.05


def _bad_keys(values: Sequence[Any]) -> float:
    skus, reasons = SkuReader().read(values, range(len(values)))
    return len(reasons) / len(skus)


def _are_photos(values: Sequence[Any]) -> bool:
    filled = _filled(values)
    return bool(filled) and sum(map(_is_photo, filled)) >= 0.8 * len(filled)


def _is_photo(value: Any) -> bool:
    references, problems = parse_photos(value)
    return not problems and any(WEB.match(each) or is_picture(each) for each in references)


FITS: dict[str, Callable[[Sequence[Any]], bool]] = {
    "sku": _is_key,
    "title": _parses(parse_text, 0.8),
    "photo": _are_photos,
    "more_photos": _are_photos,
    "price": _parses(parse_price, 0.8),
    "discounted_price": _parses(parse_price, 0.8),
    "brand": _parses(parse_text, 0.8),
    "available": _parses(parse_available, 0.8),
}
"""Tests by field whether a column's values are what its name says."""


def _guess_photo(columns: Columns, found: dict[str, str]) -> None:
    """Take the first column whose values look like file names of pictures."""
    for column, values in columns.items():
        references = [each for value in _filled(values)[:200] for each in parse_photos(value)[0]]
        if column not in found.values() and references and all(map(is_picture, references)):
            found["photo"] = column
            return


def _guess_title(columns: Columns, found: dict[str, str]) -> None:
    """Take the first column of names: short texts of several words, nearly all distinct."""
    for column, values in columns.items():
        texts = [value for value in _filled(values) if isinstance(value, str)]
        if (
            column not in found.values()
            and len(set(texts)) > 0.8 * len(values)
            and all(len(text) <= MAX_TITLE and "://" not in text for text in texts)
            and sum(" " in text.strip() for text in texts) > 0.8 * len(texts)
            and sum(map(str.isalpha, "".join(texts))) > 0.5 * sum(map(len, texts))
        ):
            found["title"] = column
            return


def _guess_sku(columns: Columns, words: dict[str, str], found: dict[str, str]) -> None:
    """Take the best column with a sku's name, else the first whose values are all distinct."""
    named = [column for column in _candidates(words, NAMES["sku"].split()) if column in columns]
    named = [column for column in named if column not in found.values()]
    bad = {column: _bad_keys(columns[column]) for column in named}
    if bad and min(bad.values()) <= 0.5:
        found["sku"] = min(bad, key=bad.__getitem__)
        return
    free = [
        column
        for column, values in columns.items()
        if column not in found.values() and not any("://" in str(v) for v in values[:100])
    ]
    free.sort(key=lambda column: not IDENTIFIER.search(snake(column)))
    for column in free:
        texts = [value for value in _filled(columns[column]) if not isinstance(value, float)]
        if len(texts) == len(columns[column]) and texts and _is_key(columns[column]):
            found["sku"] = column
            return


def _guess(column: str, values: Sequence[Any]) -> tuple[AttributeType, bool, int] | str:
    """Return an attribute's type, facet and number of distinct values, or why it isn't one."""
    filled = _filled(values)
    if not filled:
        return "empty"
    if any(isinstance(value, dict) for value in filled):
        return "objects"
    if _are_photos(filled) or all(isinstance(v, str) and "://" in v for v in filled):
        return "addresses"
    if any(isinstance(value, list | tuple) for value in filled):
        return _guess_list(filled)
    distinct = len(set(map(str, filled)))
    if distinct == 1 and len(filled) == len(values) >= MANY:
        return f"{shorten(filled[0])} in all rows"
    if any(isinstance(value, str) and TAG.search(value) for value in filled):
        return "HTML"
    identifier = IDENTIFIER.search(snake(column)) is not None
    for kind in ("boolean", "integer", "number", "date"):
        if _all_are(kind, filled):
            if identifier and kind != "boolean":
                return "ids"
            return kind, False, distinct
    if _has_separators(filled) and not isinstance(found := _guess_list(filled), str):
        return found
    return _guess_text(filled, distinct, len(values))


def _guess_text(
    filled: list[Any], distinct: int, rows: int
) -> tuple[AttributeType, bool, int] | str:
    longest = max(len(str(value)) for value in filled)
    # In a source of a few rows, half may be distinct.
    limit = max(FEW * rows, min(rows / 2, 10))
    if longest > MAX_LABEL or distinct > limit:
        return f"text, {distinct:,} distinct values"
    return "text", distinct <= MAX_FACET, distinct


def _guess_list(filled: list[Any]) -> tuple[AttributeType, bool, int] | str:
    pieces: list[str] = []
    for value in filled:
        for piece in value if isinstance(value, list | tuple) else split_list(str(value)):
            if isinstance(piece, dict | list) or len(str(piece).strip()) > MAX_LABEL:
                return "lists of other than short texts"
            pieces.append(str(piece).strip())
    distinct = len(set(pieces) - {""})
    if not distinct:
        return "empty"
    if distinct > max(0.5 * len(pieces), 10) or distinct > 20 * MAX_FACET:
        return f"lists, {distinct:,} distinct values"
    return "text[]", False, distinct


def _has_separators(filled: list[Any]) -> bool:
    """Return whether texts are lists: short pieces between separators, unlike prose."""
    with_separator = [v for v in filled if isinstance(v, str) and any(s in v for s in SEPARATORS)]
    if any(re.search(r"\d,\d", value) or CLOCK.search(value) for value in with_separator):
        return False  # 13,5 %, or 1/2/24, 3:04 PM
    if len(with_separator) < max(FEW * len(filled), 1):
        return False
    return all(len(piece.split()) <= 4 for v in with_separator for piece in map(str, split_list(v)))


def _all_are(kind: str, filled: list[Any]) -> bool:
    if kind == "boolean" and {str(value).strip() for value in filled} in ({"1"}, {"0"}):
        return False  # a number that is the same everywhere
    if kind in ("integer", "number") and any(
        isinstance(value, str) and re.match(r"\s*0\d", value) for value in filled
    ):
        return False  # what begins with a zero is a code
    if kind == "integer" and any(
        isinstance(value, str) and re.search(r"\.\d{2}", value) for value in filled
    ):
        return False  # 12.00 is an amount, and others may have cents
    parse = PARSERS[kind]  # type: ignore[index]
    present = _present(filled)
    return bool(present) and all(_can(parse, value) for value in present)


def attribute_name(column: str, taken: set[str]) -> str:
    """Return a name that an attribute of a column may have."""
    name = snake(readable(column)).encode()[:40].decode(errors="ignore").strip("_") or "attribute"
    if not name[0].isalpha():
        name = f"attribute_{name}"
    if name in RESERVED or name.endswith(("_min", "_max")):
        name = f"{name}_attribute"
    free = name
    number = 2
    while free in taken:
        free = f"{name}_{number}"
        number += 1
    assert is_name(free)  # noqa: S101
    return free


def readable(column: str) -> str:
    """Return a column's name without what only programs need: Material (product.metafields.…)."""
    return re.sub(r"\s*\(product\.metafields\..*\)$", "", column) or column


def snake(name: str) -> str:
    """Return a name as snake case: masterCategory becomes master_category, Größe becomes grosse.

    Latin letters become ASCII, and letters of other scripts stay.
    """
    plain = unicodedata.normalize("NFKC", name.removeprefix("g:")).translate(LATIN)
    plain = "".join(map(_without_accents, plain))
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", plain).lower()
    plain = "".join(letter if is_letter(letter) else "_" for letter in plain)
    return re.sub("_+", "_", plain).strip("_")


def _without_accents(letter: str) -> str:
    parts = unicodedata.normalize("NFKD", letter)
    return parts[0] if parts[0].isascii() else letter


LATIN = str.maketrans(
    {
        "ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l",
        "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i",
    }
)  # fmt: skip
"""Latin letters that Unicode doesn't decompose."""
