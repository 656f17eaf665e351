package handlers

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/bitrix"
)

// event takes an event of a portal. The answer is quick and the same for
// true and forged ones: what is to be done is done in the background, and
// Bitrix24 never sends an event twice.
func (s *Server) event(c *fiber.Ctx) error {
	if err := s.limit(c, s.events); err != nil {
		return err
	}
	body, err := readBody(c, 256<<10)
	if err != nil {
		return err
	}
	e, err := bitrix.ParseEvent(body)
	if err != nil {
		s.log.Info("malformed event", "request", c.Locals(keyRequest), "ip", s.ip(c), "error", err)
		return c.Status(fiber.StatusBadRequest).JSON(fiber.Map{"status": "error"})
	}
	if portal.Asks(e) {
		if err := s.limit(c, s.claims); err != nil {
			return err
		}
	}
	err = s.portals.Event(c.UserContext(), e)
	switch {
	case errors.Is(err, portal.ErrBusy):
		s.log.Error("event not taken: too many wait", "request", c.Locals(keyRequest), "claimed", e.Auth.MemberID)
		return err
	case err != nil:
		return err
	}
	return c.JSON(fiber.Map{"status": "ok"})
}
