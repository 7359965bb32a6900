package phaselineexporter

import (
	"time"

	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
)

const (
	// defaultTimeout bounds one insert. An insert that takes longer is retried;
	// rows are idempotent, so one that did arrive does no harm.
	defaultTimeout = 30 * time.Second

	// defaultQueueBytes is what may wait while the store is away: some sixteen
	// million spans, which take half of that on disk. Past it senders are refused
	// with a retryable error.
	defaultQueueBytes = 4 << 30

	defaultConsumers = 2

	// An insert has its price, and parts that are larger are merged less often.
	defaultBatchMin   = 10_000
	defaultBatchMax   = 20_000
	defaultFlushAfter = 500 * time.Millisecond
)

// Config of the exporter. Every default is chosen so that an acknowledged span
// is never dropped while the store is away.
type Config struct {
	// Timeout of one insert. Default 30 s; past it the batch is retried.
	Timeout exporterhelper.TimeoutConfig `mapstructure:",squash"`

	// Queue holds spans until they are stored. Default: 4 GiB, batches of 10,000 to
	// 20,000 spans or what came within 500 ms. Give `storage` a file_storage
	// extension to keep the queue over a crash. A full queue refuses new spans with
	// an error that tells senders to retry.
	Queue configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`

	// Retry after a failed insert. Default: from 1 s up to 30 s apart, without
	// an end. An end (`max_elapsed_time`) drops spans that senders believe safe.
	Retry configretry.BackOffConfig `mapstructure:"retry_on_failure"`
}

func defaultConfig() *Config {
	batch := exporterhelper.NewDefaultBatchConfig()
	batch.FlushTimeout = defaultFlushAfter
	batch.Sizer = exporterhelper.RequestSizerTypeItems
	batch.MinSize = defaultBatchMin
	batch.MaxSize = defaultBatchMax

	queue := exporterhelper.NewDefaultQueueConfig()
	queue.Sizer = exporterhelper.RequestSizerTypeBytes
	queue.QueueSize = defaultQueueBytes
	queue.NumConsumers = defaultConsumers
	queue.BlockOnOverflow = false
	queue.Batch = configoptional.Some(batch)

	retry := configretry.NewDefaultBackOffConfig()
	retry.InitialInterval = time.Second
	retry.MaxElapsedTime = 0

	return &Config{
		Timeout: exporterhelper.TimeoutConfig{Timeout: defaultTimeout},
		Queue:   configoptional.Some(queue),
		Retry:   retry,
	}
}
