-- One hour, computed whole. See migrations/0003_hours.sql for what the columns mean.
INSERT INTO hours
    (tenant, service, hour, version_name, environment, model, provider, outcome, vantage, requests,
     total_count, total_sum_ns, total_histogram, ttft_count, ttft_sum_ns, ttft_histogram,
     ttft_network_count, ttft_network_sum_ns, ttft_queue_count, ttft_queue_sum_ns, ttft_prefill_count, ttft_prefill_sum_ns,
     tpot_count, tpot_sum_ns, tpot_histogram, network_count, network_sum_ns, network_histogram,
     queue_count, queue_sum_ns, queue_histogram, prefill_count, prefill_sum_ns, prefill_histogram, decode_count, decode_sum_ns, decode_histogram, unattributed_count, unattributed_sum_ns, unattributed_histogram,
     `ttft_parts.bucket`, `ttft_parts.input_bucket`, `ttft_parts.complete`, `ttft_parts.n`, `ttft_parts.ttft_sum_ns`, `ttft_parts.network_sum_ns`, `ttft_parts.network_n`, `ttft_parts.queue_sum_ns`, `ttft_parts.queue_n`, `ttft_parts.prefill_sum_ns`, `ttft_parts.prefill_n`, `ttft_parts.rest_sum_ns`,
     `total_parts.bucket`, `total_parts.input_bucket`, `total_parts.complete`, `total_parts.n`, `total_parts.total_sum_ns`, `total_parts.network_sum_ns`, `total_parts.network_n`, `total_parts.queue_sum_ns`, `total_parts.queue_n`, `total_parts.prefill_sum_ns`, `total_parts.prefill_n`, `total_parts.decode_sum_ns`, `total_parts.decode_n`, `total_parts.unattributed_sum_ns`,
     version)
WITH
    sumMapIf([ttft_parts_key],
        [toUInt64(1)], [assumeNotNull(ttft_ns)], [ifNull(ttft_network_ns, 0)], [toUInt64(isNotNull(ttft_network_ns))], [ifNull(ttft_queue_ns, 0)], [toUInt64(isNotNull(ttft_queue_ns))], [ifNull(ttft_prefill_ns, 0)], [toUInt64(isNotNull(ttft_prefill_ns))], [ifNull(ttft_rest_ns, 0)], isNotNull(ttft_ns)) AS ttft_parts_sums,
    sumMap([total_parts_key],
        [toUInt64(1)], [assumeNotNull(total_ns)], [ifNull(network_ns, 0)], [toUInt64(isNotNull(network_ns))], [ifNull(queue_ns, 0)], [toUInt64(isNotNull(queue_ns))], [ifNull(prefill_ns, 0)], [toUInt64(isNotNull(prefill_ns))], [ifNull(decode_ns, 0)], [toUInt64(isNotNull(decode_ns))], [ifNull(unattributed_ns, 0)]) AS total_parts_sums,
    v -> toInt16(if(v > 0, ceil(log2(v) * 64) - 1, -2)) AS bucket,
    -- LEB128 of less than 2^35
    x -> multiIf(x < 128, char(x), x < 16384, char(x % 128 + 128, intDiv(x, 128)), x < 2097152, char(x % 128 + 128, intDiv(x, 128) % 128 + 128, intDiv(x, 16384)),
        char(x % 128 + 128, intDiv(x, 128) % 128 + 128, intDiv(x, 16384) % 128 + 128, intDiv(x, 2097152) % 128 + 128, intDiv(x, 268435456))) AS leb128,
    (indices, counts) -> arrayStringConcat(arrayMap((i, before, n) -> concat(leb128(i - before), leb128(n)), indices, arrayShiftRight(indices, 1, toInt16(-2)), counts)) AS encoded,
    counts -> encoded(mapKeys(mapSort(counts)), mapValues(mapSort(counts))) AS histogram,
    -- (bucket at scale 3, input bucket, completeness) in one number, in that order.
    (v, input, complete) -> toInt32(floor(bucket(v) / 8) + 2) * 100 + (input + 1) * 10 + complete AS parts_key
SELECT
    tenant, if(kept, service, '(other)') AS s, toDateTime({hour:Int64}, 'UTC') AS h, if(kept, version_name, '(other)') AS n,
    if(kept, environment, '(other)') AS e, if(kept, model, '(other)') AS m, if(kept, provider, '(other)') AS p, outcome, vantage, count(),
    count(), sum(total_ns), histogram(sumMap(map(bucket(total_ns), toUInt64(1)))),
    count(ttft_ns), toInt64(ifNull(sum(ttft_ns), 0)), histogram(sumMapIf(map(bucket(assumeNotNull(ttft_ns)), toUInt64(1)), isNotNull(ttft_ns))),
    count(ttft_network_ns), toInt64(ifNull(sum(ttft_network_ns), 0)), count(ttft_queue_ns), toInt64(ifNull(sum(ttft_queue_ns), 0)),
    count(ttft_prefill_ns), toInt64(ifNull(sum(ttft_prefill_ns), 0)),
    count(tpot_ns), toInt64(ifNull(sum(tpot_ns), 0)), histogram(sumMapIf(map(bucket(assumeNotNull(tpot_ns)), toUInt64(1)), isNotNull(tpot_ns))),
    count(network_ns), toInt64(ifNull(sum(network_ns), 0)), histogram(sumMapIf(map(bucket(assumeNotNull(network_ns)), toUInt64(1)), isNotNull(network_ns))),
    count(queue_ns), toInt64(ifNull(sum(queue_ns), 0)), histogram(sumMapIf(map(bucket(assumeNotNull(queue_ns)), toUInt64(1)), isNotNull(queue_ns))),
    count(prefill_ns), toInt64(ifNull(sum(prefill_ns), 0)), histogram(sumMapIf(map(bucket(assumeNotNull(prefill_ns)), toUInt64(1)), isNotNull(prefill_ns))),
    count(decode_ns), toInt64(ifNull(sum(decode_ns), 0)), histogram(sumMapIf(map(bucket(assumeNotNull(decode_ns)), toUInt64(1)), isNotNull(decode_ns))),
    count(), sum(unattributed_ns), histogram(sumMap(map(bucket(unattributed_ns), toUInt64(1)))),
    arrayMap(k -> toInt16(intDiv(k, 100)) - 2, ttft_parts_sums.1),
    arrayMap(k -> toInt8(intDiv(k, 10) % 10) - 1, ttft_parts_sums.1),
    arrayMap(k -> k % 10 = 1, ttft_parts_sums.1),
    ttft_parts_sums.2,
    ttft_parts_sums.3,
    ttft_parts_sums.4,
    ttft_parts_sums.5,
    ttft_parts_sums.6,
    ttft_parts_sums.7,
    ttft_parts_sums.8,
    ttft_parts_sums.9,
    ttft_parts_sums.10,
    arrayMap(k -> toInt16(intDiv(k, 100)) - 2, total_parts_sums.1),
    arrayMap(k -> toInt8(intDiv(k, 10) % 10) - 1, total_parts_sums.1),
    arrayMap(k -> k % 10 = 1, total_parts_sums.1),
    total_parts_sums.2,
    total_parts_sums.3,
    total_parts_sums.4,
    total_parts_sums.5,
    total_parts_sums.6,
    total_parts_sums.7,
    total_parts_sums.8,
    total_parts_sums.9,
    total_parts_sums.10,
    total_parts_sums.11,
    total_parts_sums.12,
    {version:UInt64}
FROM
(
    SELECT tenant, service, version_name, environment, model, provider, outcome, vantage,
        total_ns, network_ns, queue_ns, prefill_ns, decode_ns, unattributed_ns, tpot_ns,
        ttft_ns, ttft_network_ns, ttft_queue_ns, ttft_prefill_ns, ttft_rest_ns,
        multiIf(isNull(input_tokens), -1, uncached < 256, 0, uncached < 1024, 1, uncached < 4096, 2, uncached < 16384, 3, uncached < 65536, 4, 5) AS input_bucket,
        assumeNotNull(input_tokens) - ifNull(cached_input_tokens, 0) AS uncached,
        parts_key(ifNull(ttft_ns, 0), input_bucket, isNotNull(ttft_queue_ns) AND isNotNull(ttft_prefill_ns) AND (isNotNull(ttft_network_ns) OR vantage = 'server')) AS ttft_parts_key,
        parts_key(total_ns, input_bucket, isNotNull(queue_ns) AND isNotNull(prefill_ns) AND isNotNull(decode_ns) AND (isNotNull(network_ns) OR vantage = 'server')) AS total_parts_key,
        NOT {fold:Bool} OR (tenant, service, version_name, environment, model, provider) IN
        (
            SELECT tenant, service, version_name, environment, model, provider
            FROM requests FINAL
            WHERE {fold:Bool} AND end >= toDateTime({hour:Int64}, 'UTC') AND end < toDateTime({hour:Int64} + 3600, 'UTC')
            GROUP BY tenant, service, version_name, environment, model, provider
            ORDER BY tenant, count() DESC, service, version_name, environment, model, provider
            LIMIT {series:UInt64} BY tenant
        ) AS kept
    FROM requests FINAL
    WHERE end >= toDateTime({hour:Int64}, 'UTC') AND end < toDateTime({hour:Int64} + 3600, 'UTC')
)
GROUP BY tenant, s, n, e, m, p, outcome, vantage
