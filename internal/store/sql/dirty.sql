-- The hours to which rows were written after `from`, and when first and last.
SELECT toInt64(toUnixTimestamp(toStartOfHour(end))), toUnixTimestamp64Milli(min(written)), toUnixTimestamp64Milli(max(written))
FROM requests
WHERE written > fromUnixTimestamp64Milli({from:Int64})
GROUP BY 1
