"""Opening a source: the file, folder or query that a profile describes."""

from pathlib import Path

from app.catalog.profile import DATASET, FORMAT_COLUMNS, Profile, load_profile
from app.errors import LookalikeError
from worker.sources.databases import QueryTable, is_database
from worker.sources.dataset import STYLES, DatasetSource
from worker.sources.delimited import DelimitedTable
from worker.sources.files import SourceFile
from worker.sources.interfaces import ProductSource, Table
from worker.sources.mapping import MappedSource, named_columns


def open_source(
    source: str,
    profile: Profile,
    *,
    query: str | None = None,
    root: str | None = None,
    partial: bool = False,
) -> ProductSource:
    """Open a source, and make sure that it has what the profile names.

    Args:
        source: a folder, a file, `-` for standard input, an http or https URL of a file, or the URL
            of a database.
        profile: what it is, and which column is what.
        query: the SELECT, for a database.
        root: folder or URL that relative photo references are below; by default where the file is.
        partial: the source may lack what the profile names, all but the sku: it is an update.

    Raises:
        LookalikeError: it can't be read, or lacks a column; the text says what to do.
    """
    if query is not None and not is_database(source):
        raise LookalikeError(f"--query needs the URL of a database, and {source} isn't one")
    if root is not None and "://" not in root:
        root = str(Path(root).resolve())
    if profile.source.format == "dataset":
        folder = Path(source)
        folder = folder.parent if folder.name == STYLES else folder
        return DatasetSource(folder, profile, root, partial=partial)
    if profile.source.format == "google-merchant":
        from worker.sources.google_merchant import with_plain_names

        profile = with_plain_names(profile)
    return map_table(open_table(source, profile, query=query), profile, root, partial=partial)


def map_table(
    table: Table, profile: Profile, root: str | None = None, *, partial: bool = False
) -> MappedSource:
    """Return the products of a table that is open already.

    Args:
        table: the table.
        profile: describes it.
        root: what relative photo references are below.
        partial: the table may lack any column but the sku.

    Raises:
        LookalikeError: it lacks a column that the profile names.
    """
    if profile.source.format == "shopify":
        from worker.sources.shopify import ShopifyTable, with_derived

        if isinstance(table, ShopifyTable):
            derived = with_derived(profile.source, table)
            profile = profile.model_copy(update={"source": derived})
    optional = _all_but_sku(profile) if partial else _optional(profile)
    return MappedSource(table, profile, root, optional=optional)


def open_table(source: str, profile: Profile, *, query: str | None = None) -> Table:
    """Open a source that is no dataset, without looking for the profile's columns.

    Raises:
        LookalikeError: it can't be read; the text says what to do.
    """
    said = profile.source
    if is_database(source):
        return QueryTable(source, query)
    if said.format == "sql":
        raise LookalikeError(
            f"the profile {profile.name} is for a database, and {source} is not the URL of one"
        )
    file = SourceFile(source)
    if said.format == "parquet":
        from worker.sources.parquet import ParquetTable

        return ParquetTable(file, list(named_columns(profile)))
    if said.format == "jsonl":
        from worker.sources.json_lines import JsonTable

        return JsonTable(file, said.encoding)
    table = _open_delimited(file, profile)
    if isinstance(table, DelimitedTable) and said.format != "shopify":
        lists = {each.column for each in profile.attributes if each.type == "text[]"}
        lists |= {name for name in (said.photo, *said.more_photos) if name}
        table.require_single([name for name in named_columns(profile) if name not in lists])
    return table


def default_profile(source: str) -> Profile | None:
    """Return the profile that goes without saying: the dataset's, for a folder with styles.csv."""
    return load_profile(DATASET) if Path(source).joinpath(STYLES).is_file() else None


def _open_delimited(file: SourceFile, profile: Profile) -> Table:
    said = profile.source
    if said.format == "shopify":
        from worker.sources.shopify import ShopifyTable

        return ShopifyTable(file, said.sku, said.encoding)
    if said.format == "google-merchant":
        from worker.sources.google_merchant import MerchantTable, XmlTable

        if file.head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") or is_utf16_xml(file.head):
            return XmlTable(file)
        return MerchantTable(file, said.delimiter, said.encoding)
    delimiter = said.delimiter or ("\t" if said.format == "tsv" else None)
    return DelimitedTable(file, delimiter, said.encoding)


def is_utf16_xml(head: bytes) -> bool:
    """Return whether a file is XML in UTF-16."""
    return head.startswith((b"\xff\xfe<\0", b"\xfe\xff\0<"))


def _all_but_sku(profile: Profile) -> set[str]:
    return {*named_columns(profile)} - {profile.source.sku}


def _optional(profile: Profile) -> set[str]:
    """Return the columns that a format need not have: those that a profile need not say."""
    usual = FORMAT_COLUMNS.get(profile.source.format, {})
    return {
        column
        for field, column in usual.items()
        if field != "sku" and getattr(profile.source, field) in (column, (column,))
    }
