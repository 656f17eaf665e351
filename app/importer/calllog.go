package importer

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spa-importer/spa-importer/bitrix"
)

// CallLog finds the REST calls that were made for an import, in the order
// they began.
type CallLog interface {
	Calls(ctx context.Context, portal, imp string) ([]bitrix.CallRecord, error)
}

// Calls lists the REST calls of an import for the portal's administrators:
// what Bitrix24's support asks for. Nobody else finds any.
func (s *Service) Calls(ctx context.Context, a Actor, imp string) ([]bitrix.CallRecord, error) {
	i, err := s.Import(ctx, a, imp)
	if err != nil {
		return nil, err
	}
	if !a.Admin || s.calls == nil {
		return nil, ErrNotFound
	}
	calls, err := s.calls.Calls(ctx, i.Portal, i.ID)
	if err != nil {
		return nil, fmt.Errorf("listing the REST calls of an import: %w", err)
	}
	return calls, nil
}

// WriteCalls writes REST calls as a CSV file: what was called when, how long
// it took, how it ended and how much went over the wire; never a value and
// never a token. The names of its columns are the same in every language.
func WriteCalls(w io.Writer, calls []bitrix.CallRecord) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	_, err := io.WriteString(w, "\ufeff") // so that spreadsheet programs read UTF-8
	err = errors.Join(err, out.Write([]string{
		"started", "method", "commands", "seconds", "status", "code", "bytes_sent", "bytes_received", "operating",
	}))
	for _, c := range calls {
		if err != nil {
			break
		}
		err = out.Write([]string{
			c.Start.UTC().Format("2006-01-02T15:04:05.000Z07:00"), Neutral(c.Method), strconv.Itoa(c.Commands),
			strconv.FormatFloat(c.Duration.Seconds(), 'f', 3, 64),
			strconv.Itoa(c.Status), Neutral(c.Code), strconv.Itoa(c.BytesOut), strconv.Itoa(c.BytesIn),
			strconv.FormatFloat(c.Operating, 'f', 3, 64),
		})
	}
	out.Flush()
	if err = errors.Join(err, out.Error()); err != nil {
		return fmt.Errorf("writing the log of REST calls: %w", err)
	}
	return nil
}
