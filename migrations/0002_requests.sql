-- One row for each LLM request; see internal/phase.Request for what each column means.
-- The sort and partition columns are facts of the anchoring span that no later
-- span can change: FINAL does not see a replacement in another partition.
CREATE TABLE IF NOT EXISTS {{local "requests"}} {{onCluster}}
(
    tenant              LowCardinality(String),
    service             LowCardinality(String),
    end                 DateTime64(9, 'UTC') CODEC(T64, ZSTD(1)),
    trace_id            FixedString(16) CODEC(NONE), -- random: compressing it costs time and saves nothing
    span_id             FixedString(8) CODEC(NONE),
    start               DateTime64(9, 'UTC') CODEC(T64, ZSTD(1)),
    service_namespace   LowCardinality(String),
    version_name        LowCardinality(String), -- service.version
    environment         LowCardinality(String),
    operation           LowCardinality(String),
    model               LowCardinality(String),
    response_model      LowCardinality(String),
    provider            LowCardinality(String),
    engine              LowCardinality(String),
    server_address      LowCardinality(String),
    dialect             LowCardinality(String),
    streaming           Nullable(Bool),
    outcome             Enum8('ok' = 0, 'error' = 1, 'cancelled' = 2, 'cache_hit' = 3),
    vantage             Enum8('client' = 0, 'gateway' = 1, 'server' = 2),
    error_type          LowCardinality(String),
    finish_reason       LowCardinality(String),
    session             String CODEC(ZSTD(1)),
    user                String CODEC(ZSTD(1)),
    prompt_name         LowCardinality(String),
    prompt_version      LowCardinality(String),
    total_ns            Int64 CODEC(T64, ZSTD(1)),
    network_ns          Nullable(Int64) CODEC(T64, ZSTD(1)),
    queue_ns            Nullable(Int64) CODEC(T64, ZSTD(1)),
    prefill_ns          Nullable(Int64) CODEC(T64, ZSTD(1)),
    decode_ns           Nullable(Int64) CODEC(T64, ZSTD(1)),
    unattributed_ns     Int64 CODEC(T64, ZSTD(1)),
    ttft_ns             Nullable(Int64) CODEC(T64, ZSTD(1)),
    ttft_kind           Enum8('unknown' = 0, 'first_chunk' = 1, 'first_token' = 2, 'first_answer_token' = 3),
    ttft_source         LowCardinality(String),
    ttft_network_ns     Nullable(Int64) CODEC(T64, ZSTD(1)),
    ttft_queue_ns       Nullable(Int64) CODEC(T64, ZSTD(1)),
    ttft_prefill_ns     Nullable(Int64) CODEC(T64, ZSTD(1)),
    ttft_rest_ns        Nullable(Int64) CODEC(T64, ZSTD(1)),
    first_answer_ns     Nullable(Int64) CODEC(T64, ZSTD(1)),
    server_ns           Nullable(Int64) CODEC(T64, ZSTD(1)),
    server_ttft_ns      Nullable(Int64) CODEC(T64, ZSTD(1)),
    retry_ns            Nullable(Int64) CODEC(T64, ZSTD(1)),
    connect_ns          Nullable(Int64) CODEC(T64, ZSTD(1)),
    hops                Array(Tuple(hop LowCardinality(String), ns Int64)),
    tpot_ns             Nullable(Int64) CODEC(T64, ZSTD(1)),
    input_tokens        Nullable(Int64) CODEC(T64, ZSTD(1)),
    cached_input_tokens Nullable(Int64) CODEC(T64, ZSTD(1)),
    output_tokens       Nullable(Int64) CODEC(T64, ZSTD(1)),
    reasoning_tokens    Nullable(Int64) CODEC(T64, ZSTD(1)),
    network_provenance  Enum8('unknown' = 0, 'measured' = 1, 'derived' = 2, 'estimated' = 3),
    queue_provenance    Enum8('unknown' = 0, 'measured' = 1, 'derived' = 2, 'estimated' = 3),
    prefill_provenance  Enum8('unknown' = 0, 'measured' = 1, 'derived' = 2, 'estimated' = 3),
    decode_provenance   Enum8('unknown' = 0, 'measured' = 1, 'derived' = 2, 'estimated' = 3),
    ttft_provenance     Enum8('unknown' = 0, 'measured' = 1, 'derived' = 2, 'estimated' = 3),
    flags               Array(LowCardinality(String)),
    attributes          Map(LowCardinality(String), String),
    version             UInt64 CODEC(T64, ZSTD(1)),
    is_deleted          UInt8,
    written             DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(T64, ZSTD(1)),
    INDEX trace_id_idx trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX written_idx written TYPE minmax GRANULARITY 1
)
ENGINE = {{engine "ReplacingMergeTree" "version, is_deleted"}}
PARTITION BY toDate(end)
ORDER BY (tenant, service, toStartOfMinute(end), trace_id, span_id)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000, auto_statistics_types = '';

{{distributed "requests" "cityHash64(trace_id)"}};
