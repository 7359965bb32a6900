-- Series of the hour that were not computed again are no more.
INSERT INTO hours (tenant, service, hour, version_name, environment, model, provider, outcome, vantage, version, is_deleted)
SELECT tenant, service, hour, version_name, environment, model, provider, outcome, vantage, {version:UInt64}, 1
FROM hours FINAL
WHERE hour = toDateTime({hour:Int64}, 'UTC') AND version < {version:UInt64}
