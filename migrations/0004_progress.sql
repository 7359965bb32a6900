-- What the loops have done, so that one that starts anew does what another left.
--   derive           everything written until `through` is derived, or is some open store's to do
--   derive:<writer>  this store has derived what it wrote until `through`; closed: another has done the rest
--   trace:<id>:<tenant>  a trace whose derivation was put off; closed: it is done
--   rollup           every hour is computed from what was written until `through`
CREATE TABLE IF NOT EXISTS {{local "progress"}} {{onCluster}}
(
    loop    String,
    through DateTime64(3, 'UTC'),
    closed  Bool,
    written DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = {{engine "ReplacingMergeTree" "written"}}
ORDER BY loop
TTL toDateTime(written) + INTERVAL 10 DAY
SETTINGS non_replicated_deduplication_window = 1000;

{{distributed "progress" "cityHash64(loop)"}};
