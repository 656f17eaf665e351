package handlers

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"
)

// health says that the process answers.
func (s *Server) health(c *fiber.Ctx) error {
	return c.JSON(fiber.Map{"status": "ok", "version": s.version})
}

// readiness says whether the app can work: its database and queue answer,
// and it is not stopping.
func (s *Server) readiness(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), 3*time.Second)
	defer cancel()
	err := s.ready(ctx)
	if err == nil {
		err = s.base.Err()
	}
	if err != nil {
		s.log.Warn("not ready", "error", err)
		return c.Status(fiber.StatusServiceUnavailable).JSON(fiber.Map{"status": "not ready"})
	}
	return c.JSON(fiber.Map{"status": "ready"})
}
