-- A day of requests of 40 series with every number known, spread evenly, with random ids.
INSERT INTO requests (service, end, trace_id, span_id, version_name, environment, operation, model, provider, engine, dialect,
	streaming, outcome, vantage, total_ns, network_ns, queue_ns, prefill_ns, decode_ns, ttft_ns, ttft_kind, ttft_source, ttft_is_split, ttft_network_ns, tpot_ns,
	input_tokens, cached_input_tokens, output_tokens, network_provenance, queue_provenance, prefill_provenance, decode_provenance,
	ttft_provenance, attributes, version)
WITH rand64(1) AS r, toInt64(3e6 + randExponential(1/4e6, 2)) AS network, toInt64(10e6 * exp(2 * randNormal(0, 1, 3))) AS queue,
	toInt64(randUniform(100, 8000, 4)) AS input, toInt64(20e6 + input * 3e4 + randExponential(1/5e6, 9)) AS prefill, toInt64(2 + randExponential(1/300, 5)) AS output,
	toInt64(output * (10e6 + randExponential(1/2e6, 10))) AS decode, toInt64(randUniform(1e6, 3e6, 6)) AS rest, rand(7) % 100 AS pick,
	fromUnixTimestamp64Nano({from:Int64} + toInt64(number) * intDiv(86400000000000, toInt64({n:UInt64})) + rand(11) % 1000, 'UTC') AS at
SELECT ['chat-api', 'search', 'agent', 'summarizer', 'batch'][1 + r % 5], at, toFixedString(reinterpretAsFixedString(generateUUIDv4()), 16),
	toFixedString(reinterpretAsFixedString(rand64(8)), 8),
	['1.0', '1.1'][1 + intDiv(r, 5) % 2], 'prod', 'chat', ['gpt-4o', 'llama-70b', 'qwen3', 'claude'][1 + intDiv(r, 10) % 4], 'vllm', 'vllm', 'semconv',
	true, multiIf(pick < 2, 'error', pick = 2, 'cancelled', pick < 5, 'cache_hit', 'ok'), 'client',
	network + queue + prefill + decode + rest, network, queue, prefill, decode,
	intDiv(network, 2) + queue + prefill + intDiv(rest, 2), 'first_chunk', 'gen_ai.response.time_to_first_chunk',
	true, intDiv(network, 2), intDiv(decode, output - 1),
	input, intDiv(input, 3), output, 'derived', 'measured', 'measured', 'measured', 'measured', map('route', ['/chat', '/search'][1 + r % 2]), 2001
FROM numbers({n:UInt64})
