"""The dataset's `styles/ID.json`: the fields of a product that its row lacks."""

from typing import Any

import numpy as np

from worker.sample_catalog.kinds import KINDS
from worker.sample_catalog.products import Product

APPAREL_SIZES = ("S", "M", "L", "XL")


def metadata(product: Product, rng: np.random.Generator) -> dict[str, Any]:
    """Return the document of one product, in the dataset's shape."""
    kind = product.kind
    price = float(kind.price + 100 * int(rng.integers(-3, 6)))
    discount = int(rng.choice([0, 0, 10, 20, 30, 40]))
    master, sub = kind.categories
    photo = {"imageURL": f"images/{product.item_id}.jpg", "imageType": "default"}
    data = {
        "id": product.item_id,
        "price": price,
        "discountedPrice": float(round(price * (100 - discount) / 100)),
        "articleNumber": f"{product.brand[:3].upper()}-{product.item_id}",
        "productDisplayName": product.name,
        "variantName": product.name,
        "brandName": product.brand,
        "ageGroup": _age_group(product.look.gender),
        "gender": product.look.gender,
        "baseColour": product.look.colour,
        "season": product.season,
        "year": str(product.year),
        "usage": product.usage,
        "articleAttributes": {"Pattern": product.pattern_word or "Solid"},
        "styleImages": {"default": photo} if product.has_photo else {},
        "masterCategory": _category(master, [k.categories[0] for k in KINDS]),
        "subCategory": _category(sub, [k.categories[1] for k in KINDS]),
        "articleType": _category(kind.article_type, [k.article_type for k in KINDS]),
        "productDescriptors": {"description": _description(product)},
        "styleOptions": _options(product, rng),
    }
    return {"notification": {}, "meta": {"code": 200}, "data": data}


def _age_group(gender: str) -> str:
    return f"{'Kids' if gender in ('Boys', 'Girls') else 'Adults'}-{gender}"


def _category(name: str, names: list[str]) -> dict[str, Any]:
    return {"id": sorted(set(names)).index(name) + 1, "typeName": name, "active": True}


def _description(product: Product) -> dict[str, str]:
    pattern = product.pattern_word or "Solid"
    text = f"<p>{product.name}.<br />Colour: {product.look.colour}. Pattern: {pattern}.</p>"
    return {"descriptorType": "description", "value": text}


def _options(product: Product, rng: np.random.Generator) -> list[dict[str, Any]]:
    sizes = APPAREL_SIZES if product.kind.categories[0] == "Apparel" else ("Onesize",)
    stock = [int(left) for left in rng.integers(0, 9, len(sizes))]
    return [
        {
            "id": product.item_id * 10 + place,
            "name": "Size",
            "value": size,
            "available": left > 0,
            "inventoryCount": left,
        }
        for place, (size, left) in enumerate(zip(sizes, stock, strict=True))
    ]
