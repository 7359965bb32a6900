-- One row for each series of each hour (by the request's end), recomputed whole
-- from `requests FINAL` whenever a row of that hour was written. Read it with
-- FINAL too. Where tables are distributed, every shard holds the part of a series
-- whose traces it has: rows of one series add up.
--
-- <metric>_count, _sum_ns: the requests in which the metric is known, and its sum.
-- <metric>_histogram: how many of those requests lie in which bucket: for each
--   bucket that has any, ascending, two LEB128 numbers, its distance from the one
--   before (the first: from -2) and its count. Indices are those of
--   OpenTelemetry's exponential histogram at scale 6, ceil(log2(ns) * 64) - 1, so
--   bucket i holds (2^(i/64), 2^((i+1)/64)] ns. Index -2 holds exact zeros: one
--   nanosecond is index -1, so no other integer comes to lie there.
-- ttft_<part>_count, _sum_ns: the requests in which TTFT and this part of it are
--   known, and the part's sum.
--
-- ttft_parts, total_parts: arrays of equal length, one element for each
--   (bucket, input_bucket, complete), in that order, over the requests in which
--   TTFT (for ttft_parts) is known, and over all (for total_parts).
--   bucket       the metric's bucket at scale 3: its index at scale 6 >> 3
--   input_bucket input tokens that were not cached (cached tokens that nobody
--                reported count as none): -1 unknown, 0 under 256, 1 under 1024,
--                2 under 4096, 3 under 16384, 4 under 65536, 5 from there on
--   complete     every part is known (network of a server-vantage request need not be).
--                TTFT: ttft_queue_ns, ttft_prefill_ns and ttft_network_ns;
--                total: queue_ns, prefill_ns, decode_ns and network_ns
--   n            requests
--   <part>_sum_ns, <part>_n: the part's sum, and in how many requests it is known.
--                The parts' sums add up to ttft_sum_ns, total_sum_ns, exactly:
--                ttft_rest_ns and unattributed_ns hold whatever is not known.
--
-- A day in which nothing was written for half an hour becomes one part, which
-- FINAL reads as it is.
--
-- Series past the cap of an hour are folded into one whose service, version_name,
-- environment, model and provider are all '(other)'.
CREATE TABLE IF NOT EXISTS {{local "hours"}} {{onCluster}}
(
    tenant              LowCardinality(String),
    service             LowCardinality(String),
    hour                DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    version_name        LowCardinality(String),
    environment         LowCardinality(String),
    model               LowCardinality(String),
    provider            LowCardinality(String),
    outcome             Enum8('ok' = 0, 'error' = 1, 'cancelled' = 2, 'cache_hit' = 3),
    vantage             Enum8('client' = 0, 'gateway' = 1, 'server' = 2),
    requests            UInt64 CODEC(T64, ZSTD(1)),
    total_count         UInt64 CODEC(T64, ZSTD(1)),
    total_sum_ns        Int64 CODEC(T64, ZSTD(1)),
    total_histogram     String CODEC(ZSTD(1)),
    ttft_count          UInt64 CODEC(T64, ZSTD(1)),
    ttft_sum_ns         Int64 CODEC(T64, ZSTD(1)),
    ttft_histogram      String CODEC(ZSTD(1)),
    ttft_network_count  UInt64 CODEC(T64, ZSTD(1)),
    ttft_network_sum_ns Int64 CODEC(T64, ZSTD(1)),
    ttft_queue_count    UInt64 CODEC(T64, ZSTD(1)),
    ttft_queue_sum_ns   Int64 CODEC(T64, ZSTD(1)),
    ttft_prefill_count  UInt64 CODEC(T64, ZSTD(1)),
    ttft_prefill_sum_ns Int64 CODEC(T64, ZSTD(1)),
    tpot_count          UInt64 CODEC(T64, ZSTD(1)),
    tpot_sum_ns         Int64 CODEC(T64, ZSTD(1)),
    tpot_histogram      String CODEC(ZSTD(1)),
    network_count       UInt64 CODEC(T64, ZSTD(1)),
    network_sum_ns      Int64 CODEC(T64, ZSTD(1)),
    network_histogram   String CODEC(ZSTD(1)),
    queue_count         UInt64 CODEC(T64, ZSTD(1)),
    queue_sum_ns        Int64 CODEC(T64, ZSTD(1)),
    queue_histogram     String CODEC(ZSTD(1)),
    prefill_count       UInt64 CODEC(T64, ZSTD(1)),
    prefill_sum_ns      Int64 CODEC(T64, ZSTD(1)),
    prefill_histogram   String CODEC(ZSTD(1)),
    decode_count        UInt64 CODEC(T64, ZSTD(1)),
    decode_sum_ns       Int64 CODEC(T64, ZSTD(1)),
    decode_histogram    String CODEC(ZSTD(1)),
    unattributed_count  UInt64 CODEC(T64, ZSTD(1)),
    unattributed_sum_ns Int64 CODEC(T64, ZSTD(1)),
    unattributed_histogram String CODEC(ZSTD(1)),
    `ttft_parts.bucket`           Array(Int16) CODEC(ZSTD(1)),
    `ttft_parts.input_bucket`     Array(Int8) CODEC(ZSTD(1)),
    `ttft_parts.complete`         Array(Bool) CODEC(ZSTD(1)),
    `ttft_parts.n`                Array(UInt64) CODEC(ZSTD(1)),
    `ttft_parts.ttft_sum_ns`      Array(Int64) CODEC(ZSTD(1)),
    `ttft_parts.network_sum_ns`   Array(Int64) CODEC(ZSTD(1)),
    `ttft_parts.network_n`        Array(UInt64) CODEC(ZSTD(1)),
    `ttft_parts.queue_sum_ns`     Array(Int64) CODEC(ZSTD(1)),
    `ttft_parts.queue_n`          Array(UInt64) CODEC(ZSTD(1)),
    `ttft_parts.prefill_sum_ns`   Array(Int64) CODEC(ZSTD(1)),
    `ttft_parts.prefill_n`        Array(UInt64) CODEC(ZSTD(1)),
    `ttft_parts.rest_sum_ns`      Array(Int64) CODEC(ZSTD(1)),
    `total_parts.bucket`          Array(Int16) CODEC(ZSTD(1)),
    `total_parts.input_bucket`    Array(Int8) CODEC(ZSTD(1)),
    `total_parts.complete`        Array(Bool) CODEC(ZSTD(1)),
    `total_parts.n`               Array(UInt64) CODEC(ZSTD(1)),
    `total_parts.total_sum_ns`    Array(Int64) CODEC(ZSTD(1)),
    `total_parts.network_sum_ns`  Array(Int64) CODEC(ZSTD(1)),
    `total_parts.network_n`       Array(UInt64) CODEC(ZSTD(1)),
    `total_parts.queue_sum_ns`    Array(Int64) CODEC(ZSTD(1)),
    `total_parts.queue_n`         Array(UInt64) CODEC(ZSTD(1)),
    `total_parts.prefill_sum_ns`  Array(Int64) CODEC(ZSTD(1)),
    `total_parts.prefill_n`       Array(UInt64) CODEC(ZSTD(1)),
    `total_parts.decode_sum_ns`   Array(Int64) CODEC(ZSTD(1)),
    `total_parts.decode_n`        Array(UInt64) CODEC(ZSTD(1)),
    `total_parts.unattributed_sum_ns` Array(Int64) CODEC(ZSTD(1)),
    version             UInt64 CODEC(Delta(8), ZSTD(1)), -- newest `written` among the hour's requests, Unix ms
    is_deleted          UInt8,
    written             DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
)
ENGINE = {{engine "ReplacingMergeTree" "version, is_deleted"}}
PARTITION BY toDate(hour)
ORDER BY (tenant, service, hour, version_name, environment, model, provider, outcome, vantage)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000, auto_statistics_types = '',
    min_age_to_force_merge_seconds = 1800, min_age_to_force_merge_on_partition_only = 1;

{{distributed "hours" "cityHash64(service, hour)"}};
