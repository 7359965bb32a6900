-- One row for each span, with all its attributes and their OTLP types: dialects
-- can read stored spans again, so that a new dialect needs no migration.
--
-- The time bucket stands before trace_id in the sort key: random ids first would
-- touch every granule of a partition when a few thousand traces are read back.
--
-- A span's id and its parent's lie in one column: most parents are the row before, so
-- that their ids compress to nothing. Of one span id with two parents both rows stay;
-- who reads spans takes the one with the larger content_hash, as within a row's key.
--
-- Attributes are JSON literals: "text", 12 (int), 12.0 (double), true, null, [..],
-- {..}, {"@bytes":"<base64>"}, {"@double":"NaN"}; a map's own key that starts with @
-- is written with one more @. A span's keys are few in kind, so their list is one
-- dictionary entry and only the values are written: half the cost of a Map to
-- insert, and four fifths of its size (docs/adr/0002-schema.md).
CREATE TABLE IF NOT EXISTS {{local "spans"}} {{onCluster}}
(
    tenant             LowCardinality(String),
    start              DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    trace_id           FixedString(16) CODEC(ZSTD(1)),
    ids                FixedString(16) CODEC(ZSTD(1)),
    duration_ns        Int64 CODEC(Delta(8), ZSTD(1)), -- negative when the sender says so
    service            LowCardinality(String),
    name               LowCardinality(String),
    kind               Enum8('unspecified' = 0, 'internal' = 1, 'server' = 2, 'client' = 3, 'producer' = 4, 'consumer' = 5),
    status             Enum8('unset' = 0, 'ok' = 1, 'error' = 2),
    status_message     String CODEC(ZSTD(1)),
    resource           LowCardinality(String),  -- JSON object: the resource's attributes
    scope              LowCardinality(String),  -- JSON array: [name, version, {attributes}]
    attribute_keys     LowCardinality(String),  -- JSON array
    attribute_values   String CODEC(ZSTD(1)),   -- JSON array, as long
    dropped_attributes UInt32 CODEC(T64, ZSTD(1)),
    events             String CODEC(ZSTD(1)),   -- JSON array of [ns from start, name, {attributes}]; empty: none
    dropped_events     UInt32 CODEC(T64, ZSTD(1)),
    content_hash       UInt32 CODEC(NONE), -- of all the above: of one span id with two contents, the larger stays
    writer             UInt32 CODEC(ZSTD(1)), -- the process that inserted the row; 0: one that derives nothing
    written            DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(T64, ZSTD(1)),
    span_id            FixedString(8) ALIAS CAST(substring(ids, 1, 8), 'FixedString(8)'),
    parent_id          FixedString(8) ALIAS CAST(substring(ids, 9, 8), 'FixedString(8)'), -- zeros: a root
    attributes         Map(String, String) ALIAS CAST((JSONExtract(attribute_keys, 'Array(String)'), JSONExtractArrayRaw(attribute_values)), 'Map(String, String)'),
    INDEX trace_id_idx trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX written_idx written TYPE minmax GRANULARITY 1
)
ENGINE = {{engine "ReplacingMergeTree" "content_hash"}}
PARTITION BY toDate(start)
ORDER BY (tenant, toStartOfFiveMinutes(start), trace_id, start, ids)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000, auto_statistics_types = '', merge_selector_base = 10;

{{distributed "spans" "cityHash64(trace_id)"}};
