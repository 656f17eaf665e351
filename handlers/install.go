package handlers

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/portal"
)

// installData is the installer page.
type installData struct {
	chrome
	// Done is what was set up; Finish is true when the portal must be told
	// (a script does it, and the portal then shows the app's own page).
	Done   *portal.Installation
	Finish bool
	// Trouble is why it was not set up, Unfinished that the portal still
	// does not count the app as installed.
	Trouble    *alert
	Unfinished bool
}

// installInfo answers a browser, and the vendor console's probe.
func (s *Server) installInfo(c *fiber.Ctx) error {
	return s.showPublic(c, nil, s.text(c).Text("install.outside"))
}

// install is the POST with which a portal opens the installer: until the app
// is installed, and again after each update. It sets everything up and has
// the page tell the portal.
func (s *Server) install(c *fiber.Ctx) error {
	opened, err := s.verify(c)
	if err != nil {
		return s.refuseOpen(c, err)
	}
	return s.setUp(c, visit{opened.Session, opened.Token}, opened.Finish)
}

// installRun tries again what failed.
func (s *Server) installRun(c *fiber.Ctx, v visit) error {
	installed, err := s.portals.Finished(c.UserContext(), v.Session)
	if err != nil {
		return s.showInstall(c, installData{Trouble: s.trouble(c, err)})
	}
	return s.setUp(c, v, !installed)
}

func (s *Server) setUp(c *fiber.Ctx, v visit, finish bool) error {
	done, err := s.portals.Install(c.UserContext(), v.Session)
	if err != nil {
		var r *portal.Refusal
		if !errors.As(err, &r) {
			return err
		}
		s.log.Warn("installation refused", "portal", v.Session.Portal, "code", r.Code, "error", err)
		return s.showInstall(c, installData{Trouble: s.trouble(c, err), Unfinished: finish})
	}
	return s.showInstall(c, installData{Done: &done, Finish: finish})
}

func (s *Server) trouble(c *fiber.Ctx, err error) *alert {
	r := describe(s.text(c), err)
	return &alert{Kind: "bad", Title: r.title, Text: r.text}
}

// installDone is where the page goes on after it has told the portal, if the
// portal has not led away from it by then.
func (s *Server) installDone(c *fiber.Ctx, v visit) error {
	installed, err := s.portals.Finished(c.UserContext(), v.Session)
	if err != nil {
		return s.showInstall(c, installData{Trouble: s.trouble(c, err), Unfinished: true})
	}
	if !installed {
		t := s.text(c)
		return s.showInstall(c, installData{
			Unfinished: true,
			Trouble:    &alert{Kind: "warn", Title: t.Text("install.unfinished_title"), Text: t.Text("install.unfinished_text")},
		})
	}
	return s.home(c, v)
}

// syncMenu brings the menu items up to date: events about new smart
// processes can be lost.
func (s *Server) syncMenu(c *fiber.Ctx, v visit) error {
	done, err := s.portals.Install(c.UserContext(), v.Session)
	if err != nil {
		return err
	}
	return s.showInstall(c, installData{Done: &done})
}

func (s *Server) showInstall(c *fiber.Ctx, d installData) error {
	t := s.text(c)
	d.Lead = s.manifestText(c, s.manifest.Descriptions)
	title := t.Text("install.title")
	switch {
	case d.Done != nil && d.Finish:
		title = t.Text("install.title_done")
	case d.Done != nil:
		title = t.Text("install.title_synced")
	}
	return s.render(c, "install", title, d)
}
