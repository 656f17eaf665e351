//go:build !unix

package pgtest

import "os/exec"

// asOther is not needed where there is no root.
func asOther(string) (func(*exec.Cmd), error) {
	return func(*exec.Cmd) {}, nil
}
