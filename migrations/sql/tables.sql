-- tables: the catalog, the embedding models, their vectors, and the queue of photos to embed.

CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE catalogs (
    catalog_id smallint PRIMARY KEY DEFAULT 1 CHECK (catalog_id = 1),
    profile text,
    version integer NOT NULL DEFAULT 0,
    root text,
    ingested_at timestamptz,
    available real NOT NULL DEFAULT 1
);
INSERT INTO catalogs DEFAULT VALUES;
COMMENT ON TABLE catalogs IS 'The catalog''s profile and root: one row';
COMMENT ON COLUMN catalogs.catalog_id IS 'Always 1';
COMMENT ON COLUMN catalogs.profile IS 'The catalog profile (TOML) that was applied last; null before the first';
COMMENT ON COLUMN catalogs.version IS 'Increases by one with each applied profile';
COMMENT ON COLUMN catalogs.root IS 'Folder or URL that photos.reference is below; LOOKALIKE_IMAGES overrides it';
COMMENT ON COLUMN catalogs.ingested_at IS 'When the last ingest was committed; null before the first';
COMMENT ON COLUMN catalogs.available IS 'Share of the listed products that were available at the last ingest, 0 to 1; used to plan searches';

CREATE TABLE attributes (
    -- Letters of any script. The ranges are those of ASCII's other characters.
    name text PRIMARY KEY CHECK (name ~ '^[^!-`{-~\s][^!-/:-^`{-~\s]*$' AND octet_length(name) <= 55),
    ordinal smallint NOT NULL UNIQUE,
    type text NOT NULL CHECK (type IN ('text', 'integer', 'number', 'boolean', 'date', 'text[]')),
    label text NOT NULL,
    description text NOT NULL DEFAULT '',
    filter boolean NOT NULL DEFAULT false,
    facet boolean NOT NULL DEFAULT false,
    train real NOT NULL DEFAULT 0 CHECK (train >= 0),
    category boolean NOT NULL DEFAULT false,
    card boolean NOT NULL DEFAULT false,
    cohesion_view text CHECK (cohesion_view ~ '^[a-z][a-z0-9_]{0,62}$')
);
COMMENT ON TABLE attributes IS 'The attributes of this catalog''s products; each is a column of items. Change them with lookalike catalog apply';
COMMENT ON COLUMN attributes.name IS 'The column of items';
COMMENT ON COLUMN attributes.ordinal IS 'Its place among the attributes, from 1';
COMMENT ON COLUMN attributes.type IS 'text, integer, number, boolean, date or text[]';
COMMENT ON COLUMN attributes.label IS 'What people read';
COMMENT ON COLUMN attributes.description IS 'Its meaning in a sentence, which is also the comment on the column';
COMMENT ON COLUMN attributes.filter IS 'Whether searches can be filtered by it';
COMMENT ON COLUMN attributes.facet IS 'Whether the pages offer its values as choices';
COMMENT ON COLUMN attributes.train IS 'How much it counts as a label of train and evaluate; 0: not at all';
COMMENT ON COLUMN attributes.category IS 'Whether it is a level of the category tree; coarse levels come first';
COMMENT ON COLUMN attributes.card IS 'Whether the cards of products show it';
COMMENT ON COLUMN attributes.cohesion_view IS 'Name of the view that shows how far products with the same value look alike; null for none';

CREATE TABLE items (
    item_id bigint PRIMARY KEY CHECK (item_id > 0),
    sku text NOT NULL UNIQUE CHECK (length(sku) BETWEEN 1 AND 200),
    product_display_name text,
    brand_name text,
    price numeric,
    discounted_price numeric,
    available boolean NOT NULL DEFAULT true,
    details jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz,
    name_search tsvector GENERATED ALWAYS AS (
        to_tsvector('english', coalesce(product_display_name, '') || ' ' || coalesce(brand_name, ''))
    ) STORED
) WITH (fillfactor = 50);  -- room for new versions of rows on the page, so that indexes needn't change
CREATE INDEX items_brand_name ON items (brand_name);
CREATE INDEX items_name ON items (lower(left(product_display_name, 100)) text_pattern_ops);
CREATE INDEX items_name_search ON items USING gin (name_search);
CREATE SEQUENCE item_ids START 1000000000000001;

COMMENT ON TABLE items IS 'The products as of the last ingest, one row each; see attributes for the attributes';
COMMENT ON COLUMN items.item_id IS 'Key: the sku if that is a number below 10^15, else a number above that, assigned at the first ingest';
COMMENT ON COLUMN items.sku IS 'The product''s id in the catalog, any text';
COMMENT ON COLUMN items.product_display_name IS 'The product''s name as a shopper reads it';
COMMENT ON COLUMN items.brand_name IS 'Brand';
COMMENT ON COLUMN items.price IS 'List price, in the catalog''s currency';
COMMENT ON COLUMN items.discounted_price IS 'Price after discount';
COMMENT ON COLUMN items.available IS 'Whether it is in stock; searches leave out products that aren''t, unless a filter includes them';
COMMENT ON COLUMN items.details IS 'Further data of the catalog';
COMMENT ON COLUMN items.created_at IS 'When the product was first ingested';
COMMENT ON COLUMN items.updated_at IS 'When an ingest last changed the row';
COMMENT ON COLUMN items.removed_at IS 'When an ingest no longer found the product; null while it is listed';
COMMENT ON COLUMN items.name_search IS 'Display name and brand as English lexemes, for full-text search';
COMMENT ON SEQUENCE item_ids IS 'Keys of products whose sku is not a number below 10^15';

CREATE TABLE photos (
    item_id bigint NOT NULL REFERENCES items ON DELETE CASCADE,
    position smallint NOT NULL CHECK (position > 0),
    reference text NOT NULL,
    sha256 text NOT NULL,
    width integer,
    height integer,
    validator text,
    PRIMARY KEY (item_id, position)
);
CREATE INDEX photos_sha256 ON photos (sha256);
CREATE INDEX photos_further ON photos (position) WHERE position > 1;

COMMENT ON TABLE photos IS 'The products'' photos, the first at position 1';
COMMENT ON COLUMN photos.item_id IS 'The product in items';
COMMENT ON COLUMN photos.position IS 'Its place among the product''s photos, from 1';
COMMENT ON COLUMN photos.reference IS 'A path below catalogs.root, or a URL';
COMMENT ON COLUMN photos.sha256 IS 'SHA-256 of the file, in hex, when it was last read';
COMMENT ON COLUMN photos.width IS 'In pixels; null if the file''s header is unreadable';
COMMENT ON COLUMN photos.height IS 'In pixels; null if the file''s header is unreadable';
COMMENT ON COLUMN photos.validator IS 'Identifies the version of the file without reading it: size and time of a file, ETag or Last-Modified and length of a URL';

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
    active boolean NOT NULL DEFAULT false,
    dropping boolean NOT NULL DEFAULT false CHECK (NOT (active AND dropping)),
    words_held_out real CHECK (words_held_out >= 0 AND words_held_out < 1)
);
CREATE UNIQUE INDEX embedding_models_one_active ON embedding_models (active) WHERE active;

COMMENT ON TABLE embedding_models IS 'The embedding models that this database holds vectors of';
COMMENT ON COLUMN embedding_models.model_id IS 'Key; the model''s vectors are in the partition embeddings_<model_id>';
COMMENT ON COLUMN embedding_models.name IS 'The model''s name in commands and answers';
COMMENT ON COLUMN embedding_models.backbone IS 'The network: resnet50, mobilenet_v2, compact, …';
COMMENT ON COLUMN embedding_models.pooling IS 'How the last feature map becomes one vector';
COMMENT ON COLUMN embedding_models.dimensions IS 'Length of the vectors';
COMMENT ON COLUMN embedding_models.input_size IS 'Edge of the square that photos are resized to, in pixels';
COMMENT ON COLUMN embedding_models.preprocessing IS 'How a photo becomes the network''s input';
COMMENT ON COLUMN embedding_models.weights_sha256 IS 'SHA-256 of the weights file, in hex';
COMMENT ON COLUMN embedding_models.precision IS 'Number format that the network computes in';
COMMENT ON COLUMN embedding_models.created_at IS 'When the model was registered';
COMMENT ON COLUMN embedding_models.active IS 'Whether item_embeddings and similar_items use it; at most one does';
COMMENT ON COLUMN embedding_models.dropping IS 'Whether lookalike models drop has begun and is not finished';
COMMENT ON COLUMN embedding_models.words_held_out IS 'Share of the products that lookalike train words held out, by the hash of their sku; null before';

CREATE TABLE word_vectors (
    model_id smallint NOT NULL REFERENCES embedding_models ON DELETE CASCADE,
    word text NOT NULL,
    products integer NOT NULL,
    spellings text[],
    vector halfvec NOT NULL,
    PRIMARY KEY (model_id, word)
);
CREATE INDEX word_vectors_spellings ON word_vectors USING gin (spellings);
-- In the row itself, not in TOAST, as in embeddings.
ALTER TABLE word_vectors ALTER COLUMN vector SET STORAGE PLAIN;

COMMENT ON TABLE word_vectors IS 'What words look like to a model: text_embedding is the normalised sum of their vectors. Written by lookalike train words';
COMMENT ON COLUMN word_vectors.model_id IS 'The model in embedding_models whose vectors they are comparable with';
COMMENT ON COLUMN word_vectors.word IS 'A word, two adjacent words with a space between, or three letters of a word as a LIKE pattern: dre%, %res%, %ess';
COMMENT ON COLUMN word_vectors.products IS 'How many products it was learnt from';
COMMENT ON COLUMN word_vectors.spellings IS 'word_spellings of a word, to find it by a misspelt one; null for pairs and patterns';
COMMENT ON COLUMN word_vectors.vector IS 'Its vector; its length is the word''s weight';

-- The columns are ordered by width: without padding an exact scan reads less.
CREATE TABLE embeddings (
    item_id bigint NOT NULL,
    model_id smallint NOT NULL,
    position smallint NOT NULL,
    embedding halfvec NOT NULL,
    image_sha256 text NOT NULL,
    embedded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (item_id, position, model_id)
) PARTITION BY LIST (model_id);
-- In the row itself, not in TOAST: an exact scan is four times faster, and a halfvec of 4,000
-- dimensions still fits a page.
ALTER TABLE embeddings ALTER COLUMN embedding SET STORAGE PLAIN;

COMMENT ON TABLE embeddings IS 'The vectors: one per model and photo, a partition per model';
COMMENT ON COLUMN embeddings.item_id IS 'The product in items whose photo it was made from';
COMMENT ON COLUMN embeddings.model_id IS 'The model in embedding_models that made the vector';
COMMENT ON COLUMN embeddings.position IS 'The photo''s position in photos';
COMMENT ON COLUMN embeddings.embedding IS 'The vector, of length 1 (L2), in half precision';
COMMENT ON COLUMN embeddings.image_sha256 IS 'SHA-256 of the photo''s file that the vector was made from';
COMMENT ON COLUMN embeddings.embedded_at IS 'When the vector was written';

CREATE TABLE embedding_jobs (
    model_id smallint NOT NULL REFERENCES embedding_models ON DELETE CASCADE,
    item_id bigint NOT NULL,
    position smallint NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'failed')),
    attempts smallint NOT NULL DEFAULT 0,
    failures smallint NOT NULL DEFAULT 0,
    retry_after timestamptz NOT NULL DEFAULT now(),
    last_error text,
    image_sha256 text NOT NULL,
    PRIMARY KEY (model_id, item_id, position),
    FOREIGN KEY (item_id, position) REFERENCES photos ON DELETE CASCADE
);
CREATE INDEX embedding_jobs_due ON embedding_jobs (model_id, attempts, item_id, position)
WHERE state = 'pending';
CREATE INDEX embedding_jobs_photo ON embedding_jobs (item_id, position);

COMMENT ON TABLE embedding_jobs IS 'Photos still to embed; a finished job is deleted';
COMMENT ON COLUMN embedding_jobs.model_id IS 'The model to embed with';
COMMENT ON COLUMN embedding_jobs.item_id IS 'The product whose photo is to be embedded';
COMMENT ON COLUMN embedding_jobs.position IS 'The photo''s position in photos';
COMMENT ON COLUMN embedding_jobs.state IS 'pending, or failed with the reason in last_error';
COMMENT ON COLUMN embedding_jobs.attempts IS 'Number of attempts that did not finish; counted before the work';
COMMENT ON COLUMN embedding_jobs.failures IS 'How often the photo could not be read; each failure doubles the wait';
COMMENT ON COLUMN embedding_jobs.retry_after IS 'Time of the next attempt at the earliest';
COMMENT ON COLUMN embedding_jobs.last_error IS 'Why the last attempt failed';
COMMENT ON COLUMN embedding_jobs.image_sha256 IS 'photos.sha256 of the file to embed';

CREATE TABLE evaluations (
    evaluation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id smallint NOT NULL REFERENCES embedding_models ON DELETE CASCADE,
    evaluated_at timestamptz NOT NULL DEFAULT now(),
    gallery integer NOT NULL CHECK (gallery > 0),
    queries integer NOT NULL CHECK (queries > 0),
    figures jsonb NOT NULL
);
CREATE INDEX evaluations_model ON evaluations (model_id, evaluated_at);

COMMENT ON TABLE evaluations IS 'How well nearest neighbours agreed with the labels, one row per evaluation';
COMMENT ON COLUMN evaluations.evaluation_id IS 'Key';
COMMENT ON COLUMN evaluations.model_id IS 'The model in embedding_models that was measured';
COMMENT ON COLUMN evaluations.evaluated_at IS 'When';
COMMENT ON COLUMN evaluations.gallery IS 'How many products had a vector and could be found';
COMMENT ON COLUMN evaluations.queries IS 'How many of them were used as queries';
COMMENT ON COLUMN evaluations.figures IS 'recall@10, ndcg@10, by label precision@5, precision@10 and map@10, their intervals, and all of that of unseen products; or robustness by disturbance and strength';

CREATE TABLE api_keys (
    name text PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 100),
    scope text NOT NULL CHECK (scope IN ('read', 'admin')),
    sha256 bytea NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

COMMENT ON TABLE api_keys IS 'The keys of those who may ask the API. Change them with lookalike keys';
COMMENT ON COLUMN api_keys.name IS 'Whose it is';
COMMENT ON COLUMN api_keys.scope IS 'read, or admin, which may read the metrics too';
COMMENT ON COLUMN api_keys.sha256 IS 'SHA-256 of the key, which is nowhere itself';
COMMENT ON COLUMN api_keys.created_at IS 'When it was made';
COMMENT ON COLUMN api_keys.revoked_at IS 'Since when it opens nothing; null while it is valid';

-- The columns are ordered by width, as in embeddings. Products are no foreign keys: these rows are as of
-- the last refresh, and millions of them are replaced at once.
CREATE TABLE neighbours (
    item_id bigint NOT NULL,
    neighbour_id bigint NOT NULL,
    similarity double precision NOT NULL,
    model_id smallint NOT NULL REFERENCES embedding_models ON DELETE CASCADE,
    rank smallint NOT NULL CHECK (rank > 0),
    PRIMARY KEY (item_id, model_id, rank)
);
CREATE INDEX neighbours_model ON neighbours (model_id);

COMMENT ON TABLE neighbours IS 'The nearest neighbours of every product, as of the last lookalike neighbours --into-table, or refresh_neighbours()';
COMMENT ON COLUMN neighbours.item_id IS 'The product in items';
COMMENT ON COLUMN neighbours.neighbour_id IS 'A product that looks like it';
COMMENT ON COLUMN neighbours.similarity IS 'Cosine of their photos'' vectors';
COMMENT ON COLUMN neighbours.model_id IS 'The model in embedding_models that they are alike by';
COMMENT ON COLUMN neighbours.rank IS 'The neighbour''s place, 1 for the most similar';

-- The columns of the attributes are added by apply_attributes.
CREATE TYPE similar_item AS (
    item_id bigint,
    sku text,
    similarity double precision,
    distance double precision,
    product_display_name text,
    brand_name text,
    price numeric,
    discounted_price numeric,
    photo_position smallint,
    search text
);
COMMENT ON TYPE similar_item IS 'A row of a similarity search: photo_position is the photo that matched, search is exact or approximate; the attributes follow';
