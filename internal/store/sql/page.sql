-- The next spans of one trace, after the span (after_start, after_span).
SELECT tenant, trace_id, span_id, parent_id, start, duration_ns, name, kind, status, status_message,
       resource, scope, attribute_keys, attribute_values, dropped_attributes, events, dropped_events, content_hash
FROM spans
WHERE tenant = {tenant:String}
  AND toStartOfFiveMinutes(start) >= toStartOfFiveMinutes(fromUnixTimestamp64Nano({after_start:Int64}))
  AND trace_id = CAST(unhex({trace:String}), 'FixedString(16)')
  AND (start, span_id) > (fromUnixTimestamp64Nano({after_start:Int64}), CAST(unhex({after_span:String}), 'FixedString(8)'))
ORDER BY start, span_id
LIMIT {limit:UInt64}
