package sheet

import (
	"context"
	"errors"
	"strconv"
)

// maxStyles bounds the formats of a workbook; Excel itself allows 65,490.
const maxStyles = 1 << 17

// readStyles maps the style numbers of cells to what their formats mean.
func readStyles(ctx context.Context, a *archive, name string) ([]format, error) {
	codes := make(map[int]format)
	var styles []format
	section := ""
	err := eachTag(ctx, a, name, func(x *xmlScanner, start bool) error {
		tag := string(x.name)
		switch tag {
		case "numFmts", "cellXfs":
			section = ""
			if start {
				section = tag
			}
		case "numFmt":
			if len(codes) == maxStyles {
				return damaged(errors.New("too many number formats"))
			}
			if id, err := strconv.Atoi(x.attrText("numFmtId")); start && section == "numFmts" && err == nil {
				codes[id] = parseFormat(x.attrText("formatCode"))
			}
		case "xf":
			if !start || section != "cellXfs" {
				return nil
			}
			if len(styles) == maxStyles {
				return damaged(errors.New("too many styles"))
			}
			// A format that is missing or no number is the general one.
			id, err := strconv.Atoi(x.attrText("numFmtId"))
			if err != nil {
				id = 0
			}
			f, ok := codes[id]
			if !ok {
				f = builtinFormat(id)
			}
			styles = append(styles, f)
		}
		return nil
	})
	return styles, err
}
