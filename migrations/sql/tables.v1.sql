-- tables.v1: the catalog, the embedding models, their vectors, and the queue of what is to embed.

CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE items (
    item_id bigint PRIMARY KEY CHECK (item_id > 0),
    gender text,
    master_category text,
    sub_category text,
    article_type text,
    base_colour text,
    season text,
    year integer,
    usage text,
    product_display_name text,
    brand_name text,
    price numeric,
    discounted_price numeric,
    details jsonb,
    image_path text,
    image_sha256 text,
    image_width integer,
    image_height integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz,
    name_search tsvector GENERATED ALWAYS AS (
        to_tsvector('english', coalesce(product_display_name, '') || ' ' || coalesce(brand_name, ''))
    ) STORED,
    CHECK ((image_path IS NULL) = (image_sha256 IS NULL))
);
CREATE INDEX items_article_type ON items (article_type);
CREATE INDEX items_base_colour ON items (base_colour);
CREATE INDEX items_brand_name ON items (brand_name);
CREATE INDEX items_name_search ON items USING gin (name_search);

COMMENT ON TABLE items IS 'The catalog: one row a product, as the last ingest found it';
COMMENT ON COLUMN items.item_id IS 'The product''s id in the catalog';
COMMENT ON COLUMN items.gender IS 'Whom the product is for: Men, Women, Boys, Girls, Unisex';
COMMENT ON COLUMN items.master_category IS 'Coarsest category: Apparel, Accessories, Footwear, …';
COMMENT ON COLUMN items.sub_category IS 'Middle category: Topwear, Shoes, Watches, …';
COMMENT ON COLUMN items.article_type IS 'Finest category: Tshirts, Jeans, Heels, …';
COMMENT ON COLUMN items.base_colour IS 'The main colour''s name';
COMMENT ON COLUMN items.season IS 'Season of the collection: Summer, Fall, Winter, Spring';
COMMENT ON COLUMN items.year IS 'Year of the collection';
COMMENT ON COLUMN items.usage IS 'Occasion: Casual, Formal, Sports, … (NA is a value of the catalog)';
COMMENT ON COLUMN items.product_display_name IS 'The product''s name as a shopper reads it';
COMMENT ON COLUMN items.brand_name IS 'Brand, from the product''s metadata file';
COMMENT ON COLUMN items.price IS 'List price, from the product''s metadata file, in the catalog''s currency';
COMMENT ON COLUMN items.discounted_price IS 'Price after discount, from the product''s metadata file';
COMMENT ON COLUMN items.details IS 'The rest of the product''s metadata file, as it stands there';
COMMENT ON COLUMN items.image_path IS 'The photo''s path below the catalog''s root; null without a photo';
COMMENT ON COLUMN items.image_sha256 IS 'SHA-256 of the photo''s file, in hex, at the last ingest';
COMMENT ON COLUMN items.image_width IS 'The photo''s width in pixels; null where its header is unreadable';
COMMENT ON COLUMN items.image_height IS 'The photo''s height in pixels; null where its header is unreadable';
COMMENT ON COLUMN items.created_at IS 'When the product was first ingested';
COMMENT ON COLUMN items.updated_at IS 'When an ingest last changed the row';
COMMENT ON COLUMN items.removed_at IS 'When an ingest no longer found the product; null while it is sold';
COMMENT ON COLUMN items.name_search IS 'Display name and brand as English lexemes, for full-text search';

CREATE TABLE catalogs (
    catalog_id smallint PRIMARY KEY DEFAULT 1 CHECK (catalog_id = 1),
    root text NOT NULL,
    ingested_at timestamptz NOT NULL
);
COMMENT ON TABLE catalogs IS 'Where the ingested catalog lies: at most one row';
COMMENT ON COLUMN catalogs.catalog_id IS 'Always 1';
COMMENT ON COLUMN catalogs.root IS 'Folder that items.image_path is below; LOOKALIKE_IMAGES overrides it';
COMMENT ON COLUMN catalogs.ingested_at IS 'When the last ingest was committed';

CREATE TABLE embedding_models (
    model_id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    backbone text NOT NULL,
    pooling text NOT NULL,
    dimensions integer NOT NULL CHECK (dimensions BETWEEN 1 AND 4000),
    input_size integer NOT NULL,
    preprocessing text NOT NULL,
    weights_sha256 text NOT NULL,
    precision text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    active boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX embedding_models_one_active ON embedding_models (active) WHERE active;

COMMENT ON TABLE embedding_models IS 'The embedding models that this database holds vectors of';
COMMENT ON COLUMN embedding_models.model_id IS 'Key; the model''s vectors are in the partition embeddings_<model_id>';
COMMENT ON COLUMN embedding_models.name IS 'The name that people use';
COMMENT ON COLUMN embedding_models.backbone IS 'The network: resnet50, mobilenet_v2, compact, …';
COMMENT ON COLUMN embedding_models.pooling IS 'How the last feature map becomes one vector';
COMMENT ON COLUMN embedding_models.dimensions IS 'Length of the vectors';
COMMENT ON COLUMN embedding_models.input_size IS 'Edge of the square that photos are resized to, in pixels';
COMMENT ON COLUMN embedding_models.preprocessing IS 'How a photo becomes the network''s input';
COMMENT ON COLUMN embedding_models.weights_sha256 IS 'SHA-256 of the weights file, in hex';
COMMENT ON COLUMN embedding_models.precision IS 'Number format that the network computes in';
COMMENT ON COLUMN embedding_models.created_at IS 'When the model was registered';
COMMENT ON COLUMN embedding_models.active IS 'Whether item_embeddings and similar_items use it; at most one does';

CREATE TABLE embeddings (
    model_id smallint NOT NULL,
    item_id bigint NOT NULL,
    embedding halfvec NOT NULL,
    image_sha256 text NOT NULL,
    embedded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (model_id, item_id)
) PARTITION BY LIST (model_id);
-- In the row itself, not in TOAST: an exact scan reads it four times faster, and a halfvec of
-- 4,000 dimensions still fits a page.
ALTER TABLE embeddings ALTER COLUMN embedding SET STORAGE PLAIN;

COMMENT ON TABLE embeddings IS 'The vectors: one a model and item, a partition a model';
COMMENT ON COLUMN embeddings.model_id IS 'The model in embedding_models that made the vector';
COMMENT ON COLUMN embeddings.item_id IS 'The product in items whose photo it was made from';
COMMENT ON COLUMN embeddings.embedding IS 'The vector, of length 1 (L2), in half precision';
COMMENT ON COLUMN embeddings.image_sha256 IS 'SHA-256 of the photo''s file that the vector was made from';
COMMENT ON COLUMN embeddings.embedded_at IS 'When the vector was written';

CREATE TABLE embedding_jobs (
    model_id smallint NOT NULL REFERENCES embedding_models ON DELETE CASCADE,
    item_id bigint NOT NULL REFERENCES items ON DELETE CASCADE,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'failed')),
    attempts smallint NOT NULL DEFAULT 0,
    retry_after timestamptz NOT NULL DEFAULT now(),
    last_error text,
    image_sha256 text NOT NULL,
    PRIMARY KEY (model_id, item_id)
);
CREATE INDEX embedding_jobs_due ON embedding_jobs (model_id, attempts, item_id) WHERE state = 'pending';

COMMENT ON TABLE embedding_jobs IS 'What is still to embed; a finished job is deleted';
COMMENT ON COLUMN embedding_jobs.model_id IS 'The model to embed with';
COMMENT ON COLUMN embedding_jobs.item_id IS 'The product to embed';
COMMENT ON COLUMN embedding_jobs.state IS 'pending, or failed: then last_error says why';
COMMENT ON COLUMN embedding_jobs.attempts IS 'How often a worker began it; counted before the work';
COMMENT ON COLUMN embedding_jobs.retry_after IS 'Not to be tried before this moment';
COMMENT ON COLUMN embedding_jobs.last_error IS 'Why the last attempt failed';
COMMENT ON COLUMN embedding_jobs.image_sha256 IS 'The photo that the job is about, as items.image_sha256';
