package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// README.md repeats the table of settings; it must not tell another story.
func TestReadmeHasTheSettings(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.NewReplacer("`", "", "  ", " ").Replace(string(readme))
	for _, s := range table() {
		standard := s.standard + " "
		if s.standard == "" {
			standard = ""
		}
		line := "| " + s.name + " | " + standard + "| " + s.about + " |"
		if !strings.Contains(plain, line) {
			t.Errorf("README.md lacks the line %s", line)
		}
	}
}

// Every module that is required directly has its line, and no other has one.
func TestReadmeHasTheDependencies(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	required := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1) {
		required[m[1]] = true
	}
	if len(required) == 0 {
		t.Fatal("go.mod requires nothing")
	}
	_, tables, _ := strings.Cut(string(readme), "## Dependencies")
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\S+)` \\| [^|]+ \\| [^|]+ \\| [^|]+ \\|$").FindAllStringSubmatch(tables, -1) {
		if !required[m[1]] {
			t.Errorf("README.md has a line for %s, which go.mod does not require, or two", m[1])
		}
		delete(required, m[1])
	}
	for path := range required {
		t.Errorf("README.md has no line for %s", path)
	}
}
