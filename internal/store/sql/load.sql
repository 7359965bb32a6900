-- The spans of some traces. The time bucket comes first in the table's key, so
-- the search is over few granules as long as the period is short.
SELECT tenant, trace_id, span_id, parent_id, start, duration_ns, name, kind, status, status_message,
       resource, scope, attribute_keys, attribute_values, dropped_attributes, events, dropped_events, content_hash
FROM spans
WHERE tenant IN {tenants:Array(String)}
  AND toStartOfFiveMinutes(start) BETWEEN toStartOfFiveMinutes(fromUnixTimestamp64Nano({from:Int64})) AND fromUnixTimestamp64Nano({to:Int64})
  AND trace_id IN (SELECT CAST(unhex(arrayJoin({traces:Array(String)})), 'FixedString(16)'))
ORDER BY tenant, trace_id
LIMIT {limit:UInt64} BY tenant, trace_id
