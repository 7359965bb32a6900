-- One row for each LLM request; see internal/phase.Request for what each column means.
-- The sort and partition columns are facts of the anchoring span that no later
-- span can change: FINAL does not see a replacement in another partition. A day in
-- which nothing was written for half an hour becomes one part, which FINAL reads
-- as it is.
CREATE TABLE IF NOT EXISTS {{local "requests"}} {{onCluster}}
(
    tenant              LowCardinality(String),
    service             LowCardinality(String),
    end                 DateTime64(9, 'UTC') CODEC(T64, ZSTD(1)),
    trace_id            FixedString(16) CODEC(NONE), -- random: compressing it costs time and saves nothing
    span_id             FixedString(8) CODEC(NONE),
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
    total_ns            Int64 CODEC(T64, LZ4),
    network_ns          Nullable(Int64) CODEC(T64, LZ4),
    queue_ns            Nullable(Int64) CODEC(T64, ZSTD(1)),
    prefill_ns          Nullable(Int64) CODEC(T64, LZ4),
    decode_ns           Nullable(Int64) CODEC(T64, LZ4),
    ttft_ns             Nullable(Int64) CODEC(T64, ZSTD(1)),
    ttft_kind           Enum8('unknown' = 0, 'first_chunk' = 1, 'first_token' = 2, 'first_answer_token' = 3),
    ttft_source         LowCardinality(String),
    ttft_is_split       Bool, -- its parts do not exceed it
    ttft_network_ns     Nullable(Int64) CODEC(T64, ZSTD(1)),
    first_answer_ns     Nullable(Int64) CODEC(T64, LZ4),
    server_other_ns     Nullable(Int64) CODEC(T64, LZ4), -- server_ns, where the network time does not give it; -1: unknown
    server_ttft_other_ns Nullable(Int64) CODEC(T64, LZ4), -- likewise server_ttft_ns
    retry_ns            Nullable(Int64) CODEC(T64, LZ4),
    connect_ns          Nullable(Int64) CODEC(T64, LZ4),
    hops                Array(Tuple(hop LowCardinality(String), ns Int64)),
    tpot_ns             Nullable(Int64) CODEC(T64, ZSTD(1)),
    input_tokens        Nullable(Int64) CODEC(T64, LZ4),
    cached_input_tokens Nullable(Int64) CODEC(T64, LZ4),
    output_tokens       Nullable(Int64) CODEC(T64, ZSTD(1)),
    reasoning_tokens    Nullable(Int64) CODEC(T64, LZ4),
    network_provenance  Enum8('unknown' = 0, 'measured' = 1, 'derived' = 2, 'estimated' = 3),
    queue_provenance    Enum8('unknown' = 0, 'measured' = 1, 'derived' = 2, 'estimated' = 3),
    prefill_provenance  Enum8('unknown' = 0, 'measured' = 1, 'derived' = 2, 'estimated' = 3),
    decode_provenance   Enum8('unknown' = 0, 'measured' = 1, 'derived' = 2, 'estimated' = 3),
    ttft_provenance     Enum8('unknown' = 0, 'measured' = 1, 'derived' = 2, 'estimated' = 3),
    flags               Array(LowCardinality(String)),
    attributes          Map(LowCardinality(String), String),
    version             UInt64 CODEC(T64, LZ4),
    is_deleted          UInt8,
    written             DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(T64, LZ4),
    start               DateTime64(9, 'UTC') ALIAS end - toIntervalNanosecond(total_ns),
    unattributed_ns     Int64 ALIAS total_ns - ifNull(network_ns, 0) - ifNull(queue_ns, 0) - ifNull(prefill_ns, 0) - ifNull(decode_ns, 0),
    ttft_queue_ns       Nullable(Int64) ALIAS if(ttft_is_split, queue_ns, NULL),
    ttft_prefill_ns     Nullable(Int64) ALIAS if(ttft_is_split, prefill_ns, NULL),
    ttft_rest_ns        Nullable(Int64) ALIAS if(ttft_is_split, ttft_ns - ifNull(ttft_network_ns, 0) - ifNull(queue_ns, 0) - ifNull(prefill_ns, 0), NULL),
    server_ns           Nullable(Int64) ALIAS if(isNull(server_other_ns), total_ns - ifNull(retry_ns, 0) - network_ns, nullIf(server_other_ns, -1)),
    server_ttft_ns      Nullable(Int64) ALIAS if(isNull(server_ttft_other_ns), ttft_ns - ttft_network_ns, nullIf(server_ttft_other_ns, -1)),
    INDEX trace_id_idx trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX written_idx written TYPE minmax GRANULARITY 1
)
ENGINE = {{engine "ReplacingMergeTree" "version, is_deleted"}}
PARTITION BY toDate(end)
ORDER BY (tenant, service, toStartOfMinute(end), trace_id, span_id)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000, auto_statistics_types = '', merge_selector_base = 10,
    min_age_to_force_merge_seconds = 1800, min_age_to_force_merge_on_partition_only = 1;

{{distributed "requests" "cityHash64(trace_id)"}};
