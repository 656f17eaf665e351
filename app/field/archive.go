package field

import (
	"path"
	"strings"
)

// Archive is the list of the files that were given beside a table, by the
// ways cells may name them. It may be used by several goroutines.
type Archive struct {
	files  []ArchiveFile
	byPath map[string][]int
	byBase map[string][]int
	dict   *dictionary // for suggestions
}

// ArchiveFile is one file beside the table.
type ArchiveFile struct {
	// Name is its path with slashes: what a FileSource then holds. Also are
	// other readings of it.
	Name string
	Also []string
	// Size in bytes.
	Size int64
	// Locked: it cannot be unpacked. Twice: the path stands for two files.
	Locked, Twice bool
}

// NewArchive makes the list.
func NewArchive(files []ArchiveFile) *Archive {
	a := &Archive{files: files, byPath: make(map[string][]int, len(files)), byBase: make(map[string][]int, len(files))}
	choices := make([]Choice, len(files))
	for i, f := range files {
		choices[i] = Choice{Label: path.Base(f.Name)}
		for _, name := range append([]string{f.Name}, f.Also...) {
			enterFile(a.byPath, fold(name), i)
			enterFile(a.byBase, fold(path.Base(name)), i)
		}
	}
	a.dict = newDictionary(choices)
	return a
}

func enterFile(m map[string][]int, key string, i int) {
	if have := m[key]; len(have) > 0 && have[len(have)-1] == i {
		return
	}
	m[key] = append(m[key], i)
}

// find returns the files that a cell's name fits: by its path, else by its
// last part alone, since tables often keep the folder of some computer.
func (a *Archive) find(name string) []int {
	name = strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(name, `\`, "/")), "/")
	if found := a.byPath[fold(name)]; len(found) > 0 {
		return found
	}
	return a.byBase[fold(path.Base(name))]
}

// names are the paths of some files, as a sentence shows them.
func (a *Archive) names(found []int) string {
	const most = 5
	all := make([]string, 0, most+1)
	for _, i := range found {
		if len(all) == most {
			all = append(all, "…")
			break
		}
		all = append(all, a.files[i].Name)
	}
	return strings.Join(all, ", ")
}
