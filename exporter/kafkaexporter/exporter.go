// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/cluster"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/kafkaerr"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/producer"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/shape"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

// noTimeout stands in for a timeout of zero where the protocol needs a number.
const noTimeout = 30 * time.Second

// kafkaExporter is the exporter of one signal. It is safe for concurrent use after start.
type kafkaExporter struct {
	config      *Config
	signal      SignalConfig
	codec       *recordbatch.Compressor
	partitioner partitioner
	settings    component.TelemetrySettings

	lots    *lots
	budget  *budget
	buffers recordbatch.Pool
	scratch recordbatch.Pool
	spreads sync.Pool // of *spread

	// telemetry, limits, cut and producer exist from start to shutdown.
	cut       shape.Cut
	limits    *limits
	telemetry *telemetry
	producer  *producer.Producer
}

func newExporter(set exporter.Settings, c *Config, signal SignalConfig) (*kafkaExporter, error) {
	codec, err := recordbatch.ParseCodec(c.Producer.Compression)
	if err != nil {
		return nil, fmt.Errorf("`producer::compression` %w", err)
	}
	compressor, err := recordbatch.NewCompressor(codec, c.Producer.level(codec))
	if err != nil {
		return nil, fmt.Errorf("`producer::compression_params::level` %w", err)
	}
	return &kafkaExporter{
		config: c, signal: signal, codec: compressor, settings: set.TelemetrySettings,
		partitioner: newPartitioner(c.RecordPartitioner),
		budget:      &budget{limit: c.Producer.MaxBufferedBytes},
		lots:        newLots(c.Producer.Linger, c.Producer.MaxMessageBytes, c.consumers()),
	}, nil
}

// start fails only for what can be known without a broker.
func (e *kafkaExporter) start(ctx context.Context, host component.Host) error {
	var secure *tls.Config
	if settings := e.config.ClientConfig.tls(); settings != nil {
		var err error
		if secure, err = settings.LoadTLSConfig(ctx); err != nil {
			return fmt.Errorf("load `tls`: %w", err)
		}
	}
	if id := e.config.RecordPartitioner.Extension; id != nil {
		extension, err := newExtensionPartitioner(*id, host)
		if err != nil {
			return err
		}
		e.partitioner = extension
	}
	mechanisms, err := e.config.ClientConfig.Authentication.mechanisms(host)
	if err != nil {
		return err
	}
	observer, err := newTelemetry(e.settings, host)
	if err != nil {
		return fmt.Errorf("start telemetry: %w", err)
	}
	e.telemetry = observer
	e.budget.held, e.budget.waited = observer.buffered, observer.waited
	dialer, err := e.dialer(secure, mechanisms)
	if err != nil {
		return err
	}
	e.limits = newLimits(e.askLimit, e.config.ClientConfig.Metadata.refreshInterval(), time.Now)
	e.producer = producer.Start(e.producerSettings(dialer), e.signal.Topic)
	return nil
}

func (e *kafkaExporter) dialer(secure *tls.Config, mechanisms []wire.Mechanism) (*wire.Dialer, error) {
	client := &e.config.ClientConfig
	d := &wire.Dialer{ClientID: client.ClientID, TLS: secure, SASL: mechanisms, Timeout: e.timeout()}
	if client.ProtocolVersion != "" {
		var err error
		if d.Release, err = wire.ParseRelease(client.ProtocolVersion); err != nil {
			return nil, fmt.Errorf("`protocol_version` %w", err)
		}
	}
	return d, nil
}

// timeout returns the bound of one attempt where there has to be one.
func (e *kafkaExporter) timeout() time.Duration {
	if timeout := e.config.TimeoutSettings.Timeout; timeout > 0 {
		return timeout
	}
	return noTimeout
}

func (e *kafkaExporter) producerSettings(dialer *wire.Dialer) producer.Settings {
	timeout := e.timeout()
	zstd := e.codec.Codec() == recordbatch.Zstd
	return producer.Settings{
		Idempotent:      e.config.Producer.delivery() == DeliveryIdempotent,
		Acks:            int16(e.config.Producer.RequiredAcks),
		MaxRequestBytes: e.config.Producer.MaxBrokerWriteBytes,
		AckTimeout:      timeout,
		RefreshInterval: e.config.ClientConfig.Metadata.refreshInterval(),
		IdleTimeout:     e.config.ClientConfig.ConnIdleTimeout,
		CreateTopics:    e.config.Producer.AllowAutoTopicCreation,
		Backoff:         producer.DefaultBackoff(rand.Float64),
		Observer:        e.telemetry,
		Patience:        e.patience(),
		Cluster:         e.cluster(dialer),
		Dial: func(ctx context.Context, address string) (producer.Pipe, error) {
			// A broker may use up the whole timeout waiting for its replicas; only then is its silence suspicious.
			return dialer.DialPipe(ctx, address, zstd, 2*timeout)
		},
	}
}

// patience is for how long errors without a name are tried again: as long as a request. Negative is for ever.
func (e *kafkaExporter) patience() time.Duration {
	switch retry := &e.config.BackOffConfig; {
	case !retry.Enabled:
		return 0
	case retry.MaxElapsedTime == 0:
		return -1
	default:
		return retry.MaxElapsedTime
	}
}

func (e *kafkaExporter) cluster(dialer *wire.Dialer) *cluster.Cluster {
	return cluster.New(e.config.ClientConfig.addresses(), func(ctx context.Context, address string) (cluster.Control, error) {
		return dialer.DialControl(ctx, address)
	})
}

// shutdown waits for answers that are due, for one timeout at most.
func (e *kafkaExporter) shutdown(ctx context.Context) error {
	if e.producer == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.timeout())
	defer cancel()
	e.budget.close()
	err := e.producer.Shutdown(ctx)
	e.lots.delivering.Wait()
	e.telemetry.shutdown()
	return err
}

// push makes one attempt to deliver a request. Errors that are not marked permanent make exporterhelper call it again
// with the same request, which still knows its batches.
func (e *kafkaExporter) push(ctx context.Context, r xexporterhelper.Request) error {
	req, ok := r.(*request)
	if !ok {
		return consumererror.NewPermanent(fmt.Errorf("deliver request: unknown type %T", r))
	}
	e.lots.enter()
	defer e.lots.leave()
	e.gather(ctx, req)
	if req.lot != nil {
		if over, err := e.follow(ctx, req); over {
			return err
		}
	}
	if err := e.settle(ctx, req); err != nil {
		return err
	}
	if len(req.refused) == 0 {
		return nil
	}
	return consumererror.NewPermanent(summary(req.refused))
}

// settle plans and delivers until nothing of the request is left, or an attempt fails.
func (e *kafkaExporter) settle(ctx context.Context, req *request) error {
	for req.ticket != nil || len(req.records) > 0 {
		if req.ticket == nil {
			if err := e.plan(ctx, req); err != nil {
				return e.unplanned(req, err)
			}
			continue
		}
		if err := e.deliver(ctx, req); err != nil {
			return err
		}
		req.ticket = nil
	}
	return nil
}

// deliver makes one attempt to deliver what was planned. Afterwards the batches' memory is given up, unless it returns an
// error.
func (e *kafkaExporter) deliver(ctx context.Context, req *request) error {
	if err := req.owner.enter(ctx); err != nil {
		return err
	}
	defer req.owner.exit()
	if err := e.producer.Deliver(ctx, req.ticket); err != nil {
		return err
	}
	req.refused = append(req.refused, req.ticket.Errs()...)
	req.owner.leave(req)
	e.recycle(req)
	return nil
}

// unplanned handles a request whose topics are not known, or whose batches could not be encoded.
func (e *kafkaExporter) unplanned(req *request, err error) error {
	if consumererror.IsPermanent(err) {
		for _, records := range byTopic(nil, req.records) {
			e.telemetry.refused(records[0].Topic, "not_encodable", len(records))
		}
	}
	return err
}

// hopeless tells whether a topic cannot be used until somebody does something about it. Any other error of a look-up may
// pass, also one that would be the end of a batch, since it is not about the data.
func hopeless(err error) bool {
	const invalidTopic = 17
	var answer *kafkaerr.Error
	return kafkaerr.ClassOf(err) == kafkaerr.Unauthorized || errors.As(err, &answer) && answer.Code == invalidTopic
}

// summary joins errors, but not more than a log line can bear.
func summary(errs []error) error {
	const most = 3
	if len(errs) <= most {
		return errors.Join(errs...)
	}
	return fmt.Errorf("%w\nand %d more", errors.Join(errs[:most]...), len(errs)-most)
}
