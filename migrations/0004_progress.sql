-- How far each loop has come, by `written` of the table it reads. A loop that
-- starts anew goes on from there: what the crashed one had not done is done again.
CREATE TABLE IF NOT EXISTS {{local "progress"}} {{onCluster}}
(
    loop    LowCardinality(String), -- derive, rollup
    through DateTime64(3, 'UTC'),
    written DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = {{engine "ReplacingMergeTree" "through"}}
ORDER BY loop
SETTINGS index_granularity = 1, non_replicated_deduplication_window = 1000;

{{distributed "progress" "cityHash64(loop)"}};
