package handlers

import (
	"context"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/portal"
)

// renew continues a session that is about to end with a fresh token, which
// the frame got from the portal. The answer is the new session's token, as
// JSON; the old one ends by itself.
func (s *Server) renew(c *fiber.Ctx) error {
	if err := s.limit(c, s.opens); err != nil {
		return err
	}
	form, err := readForm(c, 16<<10)
	if err != nil {
		return err
	}
	seconds, err := strconv.Atoi(form.Get("AUTH_EXPIRES"))
	if err != nil || seconds <= 0 || seconds > 86400 {
		seconds = 3600
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), openTime)
	defer cancel()
	opened, err := s.portals.Renew(ctx, c.Get(SessionHeader), portal.Fresh{
		AuthID: form.Get("AUTH_ID"), RefreshID: form.Get("REFRESH_ID"), AuthExpires: time.Duration(seconds) * time.Second,
	}, s.ip(c))
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"token": opened.Token})
}
