"""Opening a source: choose the reader for the format that a profile declares."""

from pathlib import Path

from app.catalog.profile import DATASET, FORMAT_COLUMNS, Profile, load_profile
from app.errors import LookalikeError
from worker.sources.dataset import STYLES, DatasetSource
from worker.sources.delimited import DelimitedTable
from worker.sources.files import SourceFile, is_database, is_xml
from worker.sources.google_merchant import MerchantTable, XmlTable, with_plain_names
from worker.sources.interfaces import ProductSource, Table
from worker.sources.json_lines import JsonTable
from worker.sources.mapping import MappedSource, named_columns
from worker.sources.shopify import ShopifyTable, with_derived


def open_source(
    source: str,
    profile: Profile,
    *,
    query: str | None = None,
    root: str | None = None,
    partial: bool = False,
) -> ProductSource:
    """Open a source, and check that it has the columns that the profile names.

    Args:
        source: a folder, a file, `-` for standard input, the http or https URL of a file, or the
            URL of a database.
        profile: the source's format and the meaning of its columns.
        query: the SELECT, for a database.
        root: folder or URL that relative photo references are below; the file's folder by default.
        partial: the source is an update, and may lack any column but the sku.

    Raises:
        LookalikeError: the source can't be read, or lacks a column; the text says what to do.
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
        profile = with_plain_names(profile)
    return map_table(open_table(source, profile, query=query), profile, root, partial=partial)


def map_table(
    table: Table, profile: Profile, root: str | None = None, *, partial: bool = False
) -> MappedSource:
    """Return the products of an open table.

    Args:
        table: the table.
        profile: the meaning of its columns.
        root: folder or URL that relative photo references are below.
        partial: the table may lack any column but the sku.

    Raises:
        LookalikeError: the table lacks a column that the profile names.
    """
    if isinstance(table, ShopifyTable):
        derived = with_derived(profile.source, table)
        profile = profile.model_copy(update={"source": derived})
    optional = _all_but_sku(profile) if partial else _optional(profile)
    return MappedSource(table, profile, root, optional=optional)


def open_table(source: str, profile: Profile, *, query: str | None = None) -> Table:
    """Open a source other than a dataset's folder, without checking the profile's columns.

    Raises:
        LookalikeError: the source can't be read; the text says what to do.
    """
    declared = profile.source
    if is_database(source):
        from worker.sources.databases import QueryTable  # SQLAlchemy is slow to import

        return QueryTable(source, query)
    if declared.format == "sql":
        raise LookalikeError(
            f"the profile {profile.name} is for a database, and {source} is not the URL of one"
        )
    file = SourceFile(source)
    if declared.format == "parquet":
        from worker.sources.parquet import ParquetTable  # pyarrow is slow to import

        return ParquetTable(file, list(named_columns(profile)))
    if declared.format == "jsonl":
        return JsonTable(file, declared.encoding)
    table = _open_delimited(file, profile)
    if isinstance(table, DelimitedTable) and declared.format != "shopify":
        lists = {each.column for each in profile.attributes if each.type == "text[]"}
        lists |= {name for name in (declared.photo, *declared.more_photos) if name}
        table.require_single([name for name in named_columns(profile) if name not in lists])
    return table


def default_profile(source: str) -> Profile | None:
    """Return the dataset's profile for a folder with styles.csv, None for any other source."""
    return load_profile(DATASET) if Path(source).joinpath(STYLES).is_file() else None


def _open_delimited(file: SourceFile, profile: Profile) -> Table:
    declared = profile.source
    if declared.format == "shopify":
        return ShopifyTable(file, declared.sku, declared.encoding)
    if declared.format == "google-merchant":
        if is_xml(file.head):
            return XmlTable(file)
        return MerchantTable(file, declared.delimiter, declared.encoding)
    delimiter = declared.delimiter or ("\t" if declared.format == "tsv" else None)
    return DelimitedTable(file, delimiter, declared.encoding)


def _all_but_sku(profile: Profile) -> set[str]:
    return {*named_columns(profile)} - {profile.source.sku}


def _optional(profile: Profile) -> set[str]:
    """Return the columns that may be missing: the format's defaults that the profile kept."""
    usual = FORMAT_COLUMNS.get(profile.source.format, {})
    return {
        column
        for field, column in usual.items()
        if field != "sku" and getattr(profile.source, field) in (column, (column,))
    }
