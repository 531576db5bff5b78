"""The tables, typed. The migrations make them; `alembic check` keeps the two in step."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP, TSVECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import BigInteger, Numeric

SEARCHED_TEXT = (
    "to_tsvector('english', coalesce(product_display_name, '') || ' ' || coalesce(brand_name, ''))"
)


class Base(DeclarativeBase):
    """What all tables share; a column's meaning is its COMMENT in the database."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own form
        str: Text,
        datetime: TIMESTAMP(timezone=True),
        Decimal: Numeric,
        dict[str, Any]: JSONB,
    }


class Item(Base):
    """A product of the catalog."""

    __tablename__ = "items"
    __table_args__ = (
        CheckConstraint("item_id > 0"),
        CheckConstraint("(image_path IS NULL) = (image_sha256 IS NULL)"),
        Index("items_article_type", "article_type"),
        Index("items_base_colour", "base_colour"),
        Index("items_brand_name", "brand_name"),
        Index("items_image_sha256", "image_sha256"),
        Index("items_name_search", "name_search", postgresql_using="gin"),
        {"comment": "The catalog: one row a product, as the last ingest found it"},
    )

    item_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, comment="The product's id in the catalog"
    )
    gender: Mapped[str | None] = mapped_column(
        comment="Whom the product is for: Men, Women, Boys, Girls, Unisex"
    )
    master_category: Mapped[str | None] = mapped_column(
        comment="Coarsest category: Apparel, Accessories, Footwear, …"
    )
    sub_category: Mapped[str | None] = mapped_column(
        comment="Middle category: Topwear, Shoes, Watches, …"
    )
    article_type: Mapped[str | None] = mapped_column(
        comment="Finest category: Tshirts, Jeans, Heels, …"
    )
    base_colour: Mapped[str | None] = mapped_column(comment="The main colour's name")
    season: Mapped[str | None] = mapped_column(
        comment="Season of the collection: Summer, Fall, Winter, Spring"
    )
    year: Mapped[int | None] = mapped_column(comment="Year of the collection")
    usage: Mapped[str | None] = mapped_column(
        comment="Occasion: Casual, Formal, Sports, … (NA is a value of the catalog)"
    )
    product_display_name: Mapped[str | None] = mapped_column(
        comment="The product's name as a shopper reads it"
    )
    brand_name: Mapped[str | None] = mapped_column(
        comment="Brand, from the product's metadata file"
    )
    price: Mapped[Decimal | None] = mapped_column(
        comment="List price, from the product's metadata file, in the catalog's currency"
    )
    discounted_price: Mapped[Decimal | None] = mapped_column(
        comment="Price after discount, from the product's metadata file"
    )
    details: Mapped[dict[str, Any] | None] = mapped_column(
        comment="The rest of the product's metadata file, as it stands there"
    )
    image_path: Mapped[str | None] = mapped_column(
        comment="The photo's path below the catalog's root; null without a photo"
    )
    image_sha256: Mapped[str | None] = mapped_column(
        comment="SHA-256 of the photo's file, in hex, at the last ingest"
    )
    image_width: Mapped[int | None] = mapped_column(
        comment="The photo's width in pixels; null where its header is unreadable"
    )
    image_height: Mapped[int | None] = mapped_column(
        comment="The photo's height in pixels; null where its header is unreadable"
    )
    created_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When the product was first ingested"
    )
    updated_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When an ingest last changed the row"
    )
    removed_at: Mapped[datetime | None] = mapped_column(
        comment="When an ingest no longer found the product; null while it is sold"
    )
    name_search: Mapped[str | None] = mapped_column(
        TSVECTOR,
        Computed(SEARCHED_TEXT, persisted=True),
        deferred=True,
        comment="Display name and brand as English lexemes, for full-text search",
    )


class Catalog(Base):
    """Where the ingested catalog lies: at most one row."""

    __tablename__ = "catalogs"
    __table_args__ = (
        CheckConstraint("catalog_id = 1"),
        {"comment": "Where the ingested catalog lies: at most one row"},
    )

    catalog_id: Mapped[int] = mapped_column(
        SmallInteger, primary_key=True, server_default="1", comment="Always 1"
    )
    root: Mapped[str] = mapped_column(
        comment="Folder that items.image_path is below; LOOKALIKE_IMAGES overrides it"
    )
    ingested_at: Mapped[datetime] = mapped_column(comment="When the last ingest was committed")


class EmbeddingModel(Base):
    """An embedding model that this database holds vectors of."""

    __tablename__ = "embedding_models"
    __table_args__ = (
        CheckConstraint("dimensions BETWEEN 1 AND 4000"),
        Index(
            "embedding_models_one_active",
            "active",
            unique=True,
            postgresql_where=text("active"),
        ),
        {"comment": "The embedding models that this database holds vectors of"},
    )

    model_id: Mapped[int] = mapped_column(
        SmallInteger,
        Identity(always=True),
        primary_key=True,
        comment="Key; the model's vectors are in the partition embeddings_<model_id>",
    )
    name: Mapped[str] = mapped_column(unique=True, comment="The name that people use")
    backbone: Mapped[str] = mapped_column(comment="The network: resnet50, mobilenet_v2, compact, …")
    pooling: Mapped[str] = mapped_column(comment="How the last feature map becomes one vector")
    dimensions: Mapped[int] = mapped_column(comment="Length of the vectors")
    input_size: Mapped[int] = mapped_column(
        comment="Edge of the square that photos are resized to, in pixels"
    )
    preprocessing: Mapped[str] = mapped_column(comment="How a photo becomes the network's input")
    weights_sha256: Mapped[str] = mapped_column(comment="SHA-256 of the weights file, in hex")
    precision: Mapped[str] = mapped_column(comment="Number format that the network computes in")
    created_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When the model was registered"
    )
    active: Mapped[bool] = mapped_column(
        server_default=text("false"),
        default=False,
        comment="Whether item_embeddings and similar_items use it; at most one does",
    )


class Embedding(Base):
    """A vector of length 1: one a model and item, a partition a model."""

    __tablename__ = "embeddings"
    __table_args__ = (
        {
            "comment": "The vectors: one a model and item, a partition a model",
            "postgresql_partition_by": "LIST (model_id)",
        },
    )

    model_id: Mapped[int] = mapped_column(
        SmallInteger, primary_key=True, comment="The model in embedding_models that made the vector"
    )
    item_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, comment="The product in items whose photo it was made from"
    )
    embedding: Mapped[Any] = mapped_column(
        HALFVEC(), nullable=False, comment="The vector, of length 1 (L2), in half precision"
    )
    image_sha256: Mapped[str] = mapped_column(
        comment="SHA-256 of the photo's file that the vector was made from"
    )
    embedded_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When the vector was written"
    )


class EmbeddingJob(Base):
    """A photo still to embed, or one that can't be; a finished job is deleted."""

    __tablename__ = "embedding_jobs"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'failed')"),
        Index(
            "embedding_jobs_due",
            "model_id",
            "attempts",
            "item_id",
            postgresql_where=text("state = 'pending'"),
        ),
        {"comment": "What is still to embed; a finished job is deleted"},
    )

    model_id: Mapped[int] = mapped_column(
        ForeignKey("embedding_models.model_id", ondelete="CASCADE"),
        primary_key=True,
        comment="The model to embed with",
    )
    item_id: Mapped[int] = mapped_column(
        ForeignKey("items.item_id", ondelete="CASCADE"),
        primary_key=True,
        comment="The product to embed",
    )
    state: Mapped[str] = mapped_column(
        server_default="pending", comment="pending, or failed: then last_error says why"
    )
    attempts: Mapped[int] = mapped_column(
        SmallInteger,
        server_default="0",
        comment="How often a worker began it; counted before the work",
    )
    retry_after: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="Not to be tried before this moment"
    )
    last_error: Mapped[str | None] = mapped_column(comment="Why the last attempt failed")
    image_sha256: Mapped[str] = mapped_column(
        comment="The photo that the job is about, as items.image_sha256"
    )


class Evaluation(Base):
    """How good a model's vectors were, at one time."""

    __tablename__ = "evaluations"
    __table_args__ = (
        CheckConstraint("gallery > 0"),
        CheckConstraint("queries > 0"),
        Index("evaluations_model", "model_id", "evaluated_at"),
        {"comment": "How well nearest neighbours agreed with the labels, a row a measurement"},
    )

    evaluation_id: Mapped[int] = mapped_column(
        BigInteger, Identity(always=True), primary_key=True, comment="Key"
    )
    model_id: Mapped[int] = mapped_column(
        ForeignKey("embedding_models.model_id", ondelete="CASCADE"),
        comment="The model in embedding_models that was measured",
    )
    evaluated_at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="When")
    gallery: Mapped[int] = mapped_column(
        comment="How many products had a vector and could be found"
    )
    queries: Mapped[int] = mapped_column(comment="How many of them were asked about")
    figures: Mapped[dict[str, Any]] = mapped_column(
        comment="recall@10, ndcg@10, and by label precision@5, precision@10 and map@10"
    )
