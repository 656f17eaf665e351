//go:build unix

package pgtest

import (
	"os"
	"os/exec"
	"syscall"
)

// asOther gives dir to another user and returns what makes commands run as
// that user.
func asOther(dir string) (func(*exec.Cmd), error) {
	uid, gid, err := other()
	if err != nil {
		return nil, err
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		return nil, err
	}
	return func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{
			Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)},
		}
	}, nil
}
