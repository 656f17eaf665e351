package template

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/spa-importer/spa-importer/app/field"
)

// Column is one column of a template.
type Column struct {
	// Header is what stands in the first row: the field's title, with its
	// code where titles do not tell fields apart, and " *" where it is
	// required.
	Header string
	Target field.Target
	// Kind names the words about the column: one of Kinds.
	Kind string
	// Choices are the texts of its drop-down, in their order; nil: none.
	Choices []string
	// Explained are the choices with what must be known of each.
	Explained []string
}

// requiredMark ends the header of a required column.
const requiredMark = " *"

// maxHeader is the length of a header in runes; Excel shows hardly more.
const maxHeader = 120

// Columns are the columns of a template: every field that anybody may fill,
// the name first, then what is required, then the smart process's own fields.
// yes and no are the words for booleans.
func Columns(targets []field.Target, c field.Context, yes, no string) []Column {
	var list []Column
	for _, t := range targets {
		// The amount's mode is set with the amount; history needs an admin and
		// an empty smart process, which is no everyday table.
		if !t.Writable || t.AdminOnly || !t.Field.Dynamic && t.Name == "isManualOpportunity" {
			continue
		}
		column := Column{Target: t, Kind: kindOf(t)}
		column.Choices, column.Explained = choices(t, c, yes, no)
		list = append(list, column)
	}
	slices.SortStableFunc(list, func(a, b Column) int { return cmp.Compare(rank(a.Target), rank(b.Target)) })
	taken := map[string]bool{}
	for i := range list {
		column := &list[i]
		column.Header = header(column.Target, targets, c, taken)
		taken[strings.ToLower(column.Header)] = true
	}
	return list
}

func rank(t field.Target) int {
	switch {
	case !t.Field.Dynamic && t.Name == "title":
		return 0
	case t.Required:
		return 1
	case t.Group == field.GroupOwn:
		return 2
	case t.Group == field.GroupMain:
		return 3
	}
	return 4
}

// header is the shortest header that leads back to the field.
func header(t field.Target, targets []field.Target, c field.Context, taken map[string]bool) string {
	code := t.Field.UpperName
	if code == "" {
		code = t.Name
	}
	mark := ""
	if t.Required {
		mark = requiredMark
	}
	title := oneLine(t.Title)
	for _, h := range []string{title + mark, title + " [" + code + "]" + mark, code + mark} {
		if title == "" || taken[strings.ToLower(h)] {
			continue
		}
		if p := field.Match(h, field.Profile{}, targets, c); len(p) > 0 && p[0].Field == t.Name && p[0].Confidence >= field.Certain {
			return h
		}
	}
	return t.Name
}

// oneLine is a title without what cannot be seen or stands in no cell.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > maxHeader {
		s = strings.TrimSpace(string(runes[:maxHeader]))
	}
	return s
}

// choices are the texts of a column's drop-down. Options that read alike are
// told apart by their ids.
func choices(t field.Target, c field.Context, yes, no string) (texts, explained []string) {
	options := t.Options
	switch {
	case t.Type == "boolean":
		return []string{yes, no}, []string{yes, no}
	case !t.Field.Dynamic && t.Name == "stageId":
		return stages(c)
	}
	known := field.NewOptions(options)
	for _, o := range options {
		text := oneLine(o.Label)
		if text == "" || known.ID(text) != o.ID {
			text = o.ID
		}
		texts = append(texts, text)
		explained = append(explained, labelled(text, o.Label))
	}
	return texts, explained
}

func labelled(text, label string) string {
	if text == label || label == "" {
		return text
	}
	return text + " = " + oneLine(label)
}

// stages are the names of the stages of all pipelines. A name means the stage
// of the row's own pipeline, so that equal names are one choice.
func stages(c field.Context) (texts, explained []string) {
	seen := map[string]bool{}
	for _, category := range c.Categories {
		options := make([]field.Choice, len(c.Stages[category.ID]))
		for i, stage := range c.Stages[category.ID] {
			options[i] = field.Choice{ID: stage.ID, Label: stage.Name}
		}
		known := field.NewOptions(options)
		for _, stage := range options {
			text := oneLine(stage.Label)
			if text == "" || known.ID(text) != stage.ID {
				text = stage.ID
			}
			if !seen[strings.ToLower(text)] {
				seen[strings.ToLower(text)] = true
				texts = append(texts, text)
			}
			if len(c.Categories) > 1 {
				text = oneLine(category.Name) + ": " + text
			}
			explained = append(explained, text)
		}
	}
	return texts, explained
}

// The kinds of columns, which have words of their own.
const (
	kindText     = "text"
	kindLong     = "long"
	kindInteger  = "integer"
	kindNumber   = "number"
	kindMoney    = "money"
	kindDate     = "date"
	kindDatetime = "datetime"
	kindBoolean  = "boolean"
	kindList     = "list"
	kindStage    = "stage"
	kindPipeline = "pipeline"
	kindCurrency = "currency"
	kindPerson   = "person"
	kindContact  = "contact"
	kindCompany  = "company"
	kindItem     = "item"
	kindLink     = "link"
	kindURL      = "url"
	kindAddress  = "address"
	kindFile     = "file"
	kindElement  = "element"
	kindID       = "id"
	kindCode     = "code"
)

// Kinds returns every kind a column can have. Each has the words
// type_<kind>, how_<kind> and example_<kind>.
func Kinds() []string {
	return []string{kindText, kindLong, kindInteger, kindNumber, kindMoney, kindDate, kindDatetime, kindBoolean, kindList,
		kindStage, kindPipeline, kindCurrency, kindPerson, kindContact, kindCompany, kindItem, kindLink, kindURL,
		kindAddress, kindFile, kindElement, kindID, kindCode}
}

// kinds are those that follow from the type of the field.
var kinds = map[string]string{
	"text": kindLong, "integer": kindInteger, "double": kindNumber, "money": kindMoney, "date": kindDate,
	"datetime": kindDatetime, "boolean": kindBoolean, "enumeration": kindList, "crm_status": kindList,
	"crm_category": kindPipeline, "crm_currency": kindCurrency, "user": kindPerson, "employee": kindPerson,
	"crm_contact": kindContact, "crm_company": kindCompany, "crm_entity": kindItem, "crm": kindLink, "url": kindURL,
	"address": kindAddress, "file": kindFile, "iblock_element": kindElement, "iblock_section": kindElement, "hlblock": kindID,
}

func kindOf(t field.Target) string {
	if !t.Field.Dynamic {
		switch t.Name {
		case "stageId":
			return kindStage
		case "xmlId":
			return kindCode
		}
	}
	if kind, ok := kinds[t.Type]; ok {
		return kind
	}
	return kindText
}
