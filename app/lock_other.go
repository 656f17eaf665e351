//go:build !unix

package main

// lockFolder does nothing where there is no lock that ends with its process:
// lanes of a process that died are taken over when their lease runs out.
func lockFolder(string) (release func() error, alone bool, err error) {
	return func() error { return nil }, false, nil
}

// lockInstance gives a name that nobody had before.
func lockInstance(string) (holder string, release func() error, err error) {
	return "", func() error { return nil }, nil
}
