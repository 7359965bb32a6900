-- What alert rules did. Rules and groups are named as in internal/alert; JSON
-- columns hold its types, so that a new field needs no migration.

-- Rules made through the API. The newest row of a name counts.
CREATE TABLE IF NOT EXISTS {{local "alert_rules"}} {{onCluster}}
(
    name       String,
    rule       String, -- JSON of alert.Rule
    is_deleted UInt8,
    written    DateTime64(3, 'UTC')
)
ENGINE = {{engine "ReplacingMergeTree" "written"}}
ORDER BY name
SETTINGS non_replicated_deduplication_window = 1000;

{{distributed "alert_rules" "cityHash64(name)"}};

-- Where each alert stands: all that must survive a restart.
CREATE TABLE IF NOT EXISTS {{local "alert_states"}} {{onCluster}}
(
    rule        LowCardinality(String),
    fingerprint FixedString(16), -- of rule and group, hexadecimal
    state       String CODEC(ZSTD(1)), -- JSON of alert.Standing
    written     DateTime64(3, 'UTC')
)
ENGINE = {{engine "ReplacingMergeTree" "written"}}
ORDER BY (rule, fingerprint)
TTL toDateTime(written) + INTERVAL 60 DAY
SETTINGS non_replicated_deduplication_window = 1000;

{{distributed "alert_states" "cityHash64(rule)"}};

-- What each group did in each window, as judged when it ended: the past that
-- overdispersion, the largest past surprise and burn rates are taken from.
CREATE TABLE IF NOT EXISTS {{local "alert_windows"}} {{onCluster}}
(
    rule        LowCardinality(String),
    definition  UInt64, -- hash of what the rule's windows hold
    fingerprint FixedString(16),
    labels      String CODEC(ZSTD(1)), -- JSON of []alert.Label
    start       DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    seconds     UInt32 CODEC(T64, ZSTD(1)), -- its length
    requests    Int64 CODEC(T64, ZSTD(1)),
    streamed    Int64 CODEC(T64, ZSTD(1)),
    with_ttft   Int64 CODEC(T64, ZSTD(1)),
    good        Int64 CODEC(T64, ZSTD(1)),
    n           Int64 CODEC(T64, ZSTD(1)), -- requests compared with the past; 0: none
    exceeding   Float64 CODEC(ZSTD(1)),
    expected    Float64 CODEC(ZSTD(1)),
    variance    Float64 CODEC(ZSTD(1)),
    matched     Float64 CODEC(ZSTD(1)),
    incident    Bool,
    written     DateTime64(3, 'UTC')
)
ENGINE = {{engine "ReplacingMergeTree" "written"}}
PARTITION BY toYYYYMM(start)
ORDER BY (rule, definition, fingerprint, start)
TTL start + INTERVAL 35 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000;

{{distributed "alert_windows" "cityHash64(rule)"}};

-- Every evaluation with its inputs: it answers why an alert did not fire.
CREATE TABLE IF NOT EXISTS {{local "alert_evaluations"}} {{onCluster}}
(
    rule        LowCardinality(String),
    fingerprint FixedString(16),
    at          DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    evaluation  String CODEC(ZSTD(3)), -- JSON of alert.Evaluation
    written     DateTime64(3, 'UTC')
)
ENGINE = {{engine "ReplacingMergeTree" "written"}}
PARTITION BY toDate(at)
ORDER BY (rule, fingerprint, at)
TTL at + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000;

{{distributed "alert_evaluations" "cityHash64(rule)"}};

-- Every change of state, with who was told of it. A row is written again when a
-- delivery succeeds or is given up.
CREATE TABLE IF NOT EXISTS {{local "alert_transitions"}} {{onCluster}}
(
    rule        LowCardinality(String),
    fingerprint FixedString(16),
    at          DateTime('UTC'),
    undelivered Bool,
    transition  String CODEC(ZSTD(1)), -- JSON of alert.Transition
    written     DateTime64(3, 'UTC')
)
ENGINE = {{engine "ReplacingMergeTree" "written"}}
PARTITION BY toYYYYMM(at)
ORDER BY (rule, fingerprint, at)
TTL at + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000;

{{distributed "alert_transitions" "cityHash64(rule)"}};
