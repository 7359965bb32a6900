package phaselineextension

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.opentelemetry.io/collector/config/configopaque"

	"github.com/phaseline/phaseline/api/alerting"
	"github.com/phaseline/phaseline/internal/alert"
	"github.com/phaseline/phaseline/internal/alert/ledger"
	"github.com/phaseline/phaseline/internal/alert/notify"
	"github.com/phaseline/phaseline/internal/query"
)

// AlertConfig switches the evaluation of alert rules.
type AlertConfig struct {
	Enabled   bool   `mapstructure:"enabled"`    // default true
	RulesFile string `mapstructure:"rules_file"` // default empty: the default rules
	// ExternalURL is where people reach the UI, for the links in notifications.
	// Default: http:// and the API's endpoint.
	ExternalURL string       `mapstructure:"external_url"`
	Notify      NotifyConfig `mapstructure:"notify"`
}

// NotifyConfig lists who is told about alerts. Default nobody: alerts are on
// the UI's page.
type NotifyConfig struct {
	Alertmanager []AlertmanagerConfig `mapstructure:"alertmanager"`
	Webhook      []WebhookConfig      `mapstructure:"webhook"`
	Slack        []SlackConfig        `mapstructure:"slack"`
}

// AlertmanagerConfig is one Prometheus Alertmanager, for example http://127.0.0.1:9093.
type AlertmanagerConfig struct {
	URL string `mapstructure:"url"`
}

// WebhookConfig is an address that takes JSON, signed with Secret.
type WebhookConfig struct {
	URL    configopaque.String `mapstructure:"url"`
	Secret configopaque.String `mapstructure:"secret"`
}

// SlackConfig is an incoming webhook of Slack.
type SlackConfig struct {
	URL configopaque.String `mapstructure:"url"`
}

func (c AlertConfig) validate() error {
	check := func(kind string, i int, address string) error {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			// The address may hold a secret.
			return fmt.Errorf("alert::notify::%s[%d]::url is not an http or https address", kind, i)
		}
		return nil
	}
	var errs []error
	for i, a := range c.Notify.Alertmanager {
		errs = append(errs, check("alertmanager", i, a.URL))
	}
	for i, w := range c.Notify.Webhook {
		errs = append(errs, check("webhook", i, string(w.URL)))
		if w.Secret == "" {
			errs = append(errs, fmt.Errorf("alert::notify::webhook[%d]::secret is empty: the receiver could not tell who calls", i))
		}
	}
	for i, s := range c.Notify.Slack {
		errs = append(errs, check("slack", i, string(s.URL)))
	}
	if c.ExternalURL != "" {
		if u, err := url.Parse(c.ExternalURL); err != nil || u.Host == "" {
			errs = append(errs, fmt.Errorf("alert::external_url is %q: use https://HOST", c.ExternalURL))
		}
	}
	return errors.Join(errs...)
}

// named is a target with a name of its own among those of its kind.
type named struct {
	alert.Target
	name string
}

func (n named) Name() string { return n.name }

func (c NotifyConfig) targets() []alert.Target {
	var all []alert.Target
	add := func(t alert.Target, i int) {
		name := t.Name()
		if i > 0 {
			name = fmt.Sprintf("%s-%d", name, i+1)
		}
		all = append(all, named{t, name})
	}
	for i, a := range c.Alertmanager {
		add(notify.Alertmanager{URL: a.URL, Now: time.Now}, i)
	}
	for i, w := range c.Webhook {
		add(notify.Webhook{URL: string(w.URL), Secret: string(w.Secret), Now: time.Now}, i)
	}
	for i, s := range c.Slack {
		add(notify.Slack{URL: string(s.URL)}, i)
	}
	return all
}

// alertLimits let a baseline of four weeks be read where a page may not.
var alertLimits = query.Limits{Rows: 200_000_000, Time: time.Minute}

// newAlerts makes the evaluator. It reads with limits of its own.
func (e *phaselineExtension) newAlerts(conn driver.Conn) {
	if !e.cfg.Alert.Enabled {
		return
	}
	questions := query.New(conn, alertLimits)
	external := e.cfg.Alert.ExternalURL
	if external == "" && e.cfg.API.Enabled {
		external = "http://" + e.cfg.API.Endpoint
	}
	e.alerts = alert.New(alert.Config{
		Source:      alerting.Source(questions),
		Oldest:      alerting.Oldest(questions),
		Investigate: alerting.Investigate(questions),
		Ledger:      ledger.New(conn),
		Targets:     e.cfg.Alert.Notify.targets(),
		RulesFile:   e.cfg.Alert.RulesFile,
		ExternalURL: strings.TrimRight(external, "/"),
		Logger:      e.logger.Named("alert"),
	})
}

// runAlerts evaluates until ctx ends.
func (e *phaselineExtension) runAlerts(ctx context.Context) {
	if e.alerts != nil {
		e.background.Go(func() { e.alerts.Run(ctx) })
	}
}
