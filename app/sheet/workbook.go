package sheet

import (
	"context"
	"errors"
)

// workbook is an XLSX file.
type workbook struct{ file }

func openWorkbook(ctx context.Context, src Source, r Reading, fileName string) (*workbook, Reading, error) {
	return nil, r, errors.New("workbooks cannot be read yet")
}

func (w *workbook) choices(ctx context.Context) ([]SheetChoice, error) { return nil, nil }
func (w *workbook) emptySheet() error                                  { return refuse("sheet_empty", "sheet", "") }
