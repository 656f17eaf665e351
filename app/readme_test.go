package main

import (
	"os"
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
