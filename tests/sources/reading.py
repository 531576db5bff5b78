"""Reading a source whole, as ingest does."""

from pathlib import Path

from app.catalog.profile import Profile, parse_profile
from worker.sources import BadValue, Batch, Product, Products, Reject, open_source


def profile(text: str, name: str = "shop.toml") -> Profile:
    return parse_profile(text, name)


def shop(kind: str = "csv", *, attributes: str = "", source: str = "") -> Profile:
    """A profile with the columns that most tests use."""
    return profile(
        f"""
        [source]
        format = "{kind}"
        sku = "sku"
        title = "title"
        price = "price"
        photo = "photo"
        {source}
        {attributes}
        """
    )


def read(
    source: Path | str, said: Profile, *, query: str | None = None, root: str | None = None
) -> Batch:
    """Everything that a source gives, as one batch; what is read is products and rejects."""
    whole = Batch(Products.of([]))
    products: list[Product] = []
    for batch in open_source(str(source), said, query=query, root=root).batches():
        assert batch.read == len(batch.products) + len(batch.rejects)
        products += batch.products
        whole.rejects += batch.rejects
        whole.bad_values += batch.bad_values
        whole.read += batch.read
        whole.repaired += batch.repaired
    whole.products = Products.of(products)
    return whole


def only(batch: Batch) -> Product:
    (product,) = batch.products
    assert not batch.rejects
    return product


def reasons(found: list[Reject] | list[BadValue]) -> list[str]:
    return [each.reason for each in found]
