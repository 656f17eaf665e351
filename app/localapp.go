package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/bitrix"
)

// localAppCommand gives a portal the keys of a local app of its own, or takes
// them back. Only the operator can know them, so no page asks for them.
func localAppCommand(ctx context.Context, c console) error {
	w, err := c.parse(2, []string{"remove"}, nil)
	if err != nil {
		return err
	}
	remove := w.switches["remove"]
	if remove && len(w.places) != 1 || !remove && len(w.places) != 2 {
		return errors.New("usage: spa-importer local-app <member_id> <client_id>, with the client_secret on standard input; or spa-importer local-app <member_id> -remove")
	}
	memberID := w.places[0]
	if !isMemberID(memberID) {
		return fmt.Errorf("%q is not a member_id: 32 digits 0-9 and a-f, as `spa-importer portals` lists them", memberID)
	}
	var keys bitrix.Keys
	if !remove {
		if keys.ClientID = w.places[1]; !strings.HasPrefix(keys.ClientID, "local.") && !strings.HasPrefix(keys.ClientID, "app.") {
			return fmt.Errorf("%q is not a client_id: the portal shows it as local.… beside the app", keys.ClientID)
		}
		if keys.ClientSecret, err = c.secret("client_secret"); err != nil {
			return err
		}
	}
	db, _, end, err := c.openAside(ctx, w.settings, true)
	if err != nil {
		return err
	}
	err = portal.New(portal.Options{Store: db}).SetKeys(ctx, memberID, keys)
	if err = errors.Join(err, end()); err != nil {
		return fmt.Errorf("setting the keys of portal %s: %w", memberID, err)
	}
	if remove {
		fmt.Fprintf(c.out, "Portal %s uses the keys of the settings again.\n", memberID)
	} else {
		fmt.Fprintf(c.out, "Portal %s uses the keys of %s. Open the app there as an administrator to finish the installation.\n", memberID, keys.ClientID)
	}
	return nil
}

func isMemberID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// secret reads one line from standard input.
func (c console) secret(what string) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(c.in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading %s: %w", what, err)
	}
	if line = strings.TrimSpace(line); line == "" {
		return "", fmt.Errorf("%s is missing: give it on standard input, as in `spa-importer … <file-with-the-secret`", what)
	}
	return line, nil
}
