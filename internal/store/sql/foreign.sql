-- The traces to which other stores added spans in a period of `written`, but for
-- what those stores say they have derived: store derived_by[i] until derived[i].
SELECT tenant, trace_id, toUnixTimestamp64Nano(min(start)), toUnixTimestamp64Nano(max(start)), uniqExact(span_id), min(writer) = 0
FROM spans
WHERE written > fromUnixTimestamp64Milli({from:Int64}) AND written <= fromUnixTimestamp64Milli({to:Int64})
  AND writer != {me:UInt32}
  AND ({writer:UInt32} = 0 OR writer = {writer:UInt32})
  AND toUnixTimestamp64Milli(written) > arrayElement({derived:Array(Int64)}, indexOf({derived_by:Array(UInt32)}, writer))
GROUP BY tenant, trace_id
