-- The newest row of an hour, tombstones included, and how many series its largest tenant has.
SELECT toUnixTimestamp64Milli(max(newest)), max(series)
FROM
(
    SELECT max(written) AS newest, uniqExact(service, version_name, environment, model, provider) AS series
    FROM requests
    WHERE end >= toDateTime({hour:Int64}, 'UTC') AND end < toDateTime({hour:Int64} + 3600, 'UTC')
    GROUP BY tenant
)
