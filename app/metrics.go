package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix"
)

// meters counts what an operator wants to know. Labels are few and known:
// neither portals nor imports nor anything a person typed.
type meters struct {
	set *metrics.Set
	// gauges are read from the database; nil: none.
	gauges *gauges
}

func newMeters(version string, rest *restLog) *meters {
	m := &meters{set: metrics.NewSet()}
	m.set.GetOrCreateCounter(fmt.Sprintf("spa_importer_info{version=%q}", version)).Set(1)
	m.set.NewGauge("spa_importer_rest_log_lost", func() float64 { return float64(rest.lost.Load()) })
	m.set.NewGauge("spa_importer_rest_log_waiting", func() float64 { return float64(len(rest.queue)) })
	return m
}

// call counts one REST request.
func (m *meters) call(c bitrix.CallRecord) {
	kind := "ok"
	switch {
	case c.Status == 0:
		kind = "no_answer"
	case c.Code != "":
		kind = limitOrError(c.Code)
	case c.Status >= 400:
		kind = "error"
	}
	method := methodLabel(c.Method)
	m.set.GetOrCreateCounter(fmt.Sprintf("spa_importer_rest_requests_total{method=%q,result=%q}", method, kind)).Inc()
	m.set.GetOrCreateHistogram(fmt.Sprintf("spa_importer_rest_seconds{method=%q}", method)).Update(c.Duration.Seconds())
	m.set.GetOrCreateCounter("spa_importer_rest_commands_total").Add(c.Commands)
	m.set.GetOrCreateCounter("spa_importer_rest_bytes_sent_total").Add(c.BytesOut)
	m.set.GetOrCreateCounter("spa_importer_rest_bytes_received_total").Add(c.BytesIn)
}

func limitOrError(code string) string {
	switch strings.ToUpper(code) {
	case "QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT", "OVERLOAD_LIMIT":
		return "limit"
	}
	return "error"
}

// methodLabel keeps the number of series small.
func methodLabel(method string) string {
	method = strings.ToLower(method)
	if method == "batch" || method == "user.get" || strings.HasPrefix(method, "crm.item.") {
		return method
	}
	return "other"
}

// slice counts one slice of a lane.
func (m *meters) slice(lane importer.Lane, took time.Duration, err error) {
	kind, _, _ := strings.Cut(string(lane), ":")
	result := "ok"
	switch {
	case errors.Is(err, importer.ErrHeld):
		result = "held"
	case errors.Is(err, importer.ErrFenced):
		result = "fenced"
	case err != nil:
		result = "error"
	}
	m.set.GetOrCreateCounter(fmt.Sprintf("spa_importer_slices_total{kind=%q,result=%q}", kind, result)).Inc()
	if result == "ok" {
		m.set.GetOrCreateHistogram(fmt.Sprintf("spa_importer_slice_seconds{kind=%q}", kind)).Update(took.Seconds())
	}
}

// due notes how many lanes a sweep found without anybody at work.
func (m *meters) due(lanes int) {
	m.set.GetOrCreateCounter("spa_importer_sweeps_total").Inc()
	m.set.GetOrCreateCounter("spa_importer_sweep_found_total").Add(lanes)
}

// ServeHTTP writes the metrics as Prometheus text.
func (m *meters) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	m.set.WritePrometheus(w)
	if m.gauges != nil {
		m.gauges.write(r.Context(), w)
	}
	metrics.WriteProcessMetrics(w)
}

// serve answers /metrics on a listener of its own until ctx is over.
func (m *meters) serve(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return serveUntil(ctx, server, l)
}

// serveUntil runs a server until ctx is over, and then gives it a second.
func serveUntil(ctx context.Context, server *http.Server, l net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := server.Shutdown(last)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	return err
}
