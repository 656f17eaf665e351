package handlers

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/gofiber/fiber/v2"
)

const headerRequestID = "X-Request-Id"

var requestID = regexp.MustCompile(`^[0-9A-Za-z-]{8,64}$`)

// identify gives a request an id, answers its errors and writes one line
// about it: neither query nor body, which hold what is nobody's business.
func (s *Server) identify(c *fiber.Ctx) error {
	id := c.Get(headerRequestID)
	if !c.IsProxyTrusted() || !requestID.MatchString(id) {
		b := make([]byte, 8)
		rand.Read(b) // never fails
		id = hex.EncodeToString(b)
	}
	c.Locals(keyRequest, id)
	c.Set(headerRequestID, id)
	start := s.now()
	if err := c.Next(); err != nil {
		if err := s.fail(c, err); err != nil {
			return err
		}
	}
	endBody(c)
	level := slog.LevelInfo
	if path := c.Path(); path == "/health" || path == "/ready" || strings.HasPrefix(path, "/static/") {
		level = slog.LevelDebug
	}
	attrs := []slog.Attr{
		slog.String("request", id), slog.String("method", c.Method()), slog.String("path", c.Path()),
		slog.Int("status", c.Response().StatusCode()), slog.Duration("took", s.now().Sub(start)), slog.String("ip", s.ip(c)),
	}
	if v, inside := visitOf(c); inside {
		attrs = append(attrs, slog.String("portal", v.Session.Portal), slog.Int64("user", v.Session.User))
	}
	s.log.LogAttrs(context.Background(), level, "request", attrs...)
	return nil
}

// endBody ends the connection if the request's body was not read to its end:
// what is left would be taken for the next request.
func endBody(c *fiber.Ctx) {
	stream := c.Context().RequestBodyStream()
	if stream == nil || c.Locals(keyRead) != nil {
		return
	}
	switch length := c.Request().Header.ContentLength(); {
	case length > 0:
		// A stream of known length says at once that it is over; of one that
		// is not, a byte is there or about to come.
		if n, err := stream.Read(make([]byte, 1)); n == 0 && err == io.EOF {
			return
		}
	case length != -1: // no body; -1 is a chunked one, which cannot be asked
		return
	}
	c.Context().SetConnectionClose()
}

// survive turns a panic into an error of this request alone.
func (s *Server) survive(c *fiber.Ctx) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			s.log.Error("panic in a request", "request", c.Locals(keyRequest), "method", c.Method(),
				"path", c.Path(), "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
			err = fiber.ErrInternalServerError
		}
	}()
	return c.Next()
}

// whole does a part of an answer that is written beside its request, where
// survive does not see a panic: one would end the program.
func (s *Server) whole(write func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			s.log.Error("panic in an answer", "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
			err = fiber.ErrInternalServerError
		}
	}()
	return write()
}

// secure sets what every answer has; frameBy and the pages that are the same
// for everybody loosen it.
func (s *Server) secure(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentSecurityPolicy, policy("'none'", ""))
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderCacheControl, "no-store")
	if c.Protocol() == "https" {
		// Where TLS ends here, or a trusted proxy says that it did.
		c.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
	return c.Next()
}

// policy is the content security policy: nothing by default, everything from
// ourselves, images also from the portal, and no inline code. No
// X-Frame-Options: it knows no single origins.
func policy(ancestors, images string) string {
	if images != "" {
		images = " " + images
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; " +
		"img-src 'self' data:" + images + "; form-action 'self'; base-uri 'none'; frame-ancestors " + ancestors
}

// origin is what may stand in a policy; anything else could smuggle in
// another directive.
var origin = regexp.MustCompile(`^https?://[0-9A-Za-z.-]+(:[0-9]{1,5})?$|^https?://\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?$`)

// frameBy lets a verified portal frame the answer; "" lets nobody.
func (s *Server) frameBy(c *fiber.Ctx, portal string) {
	c.Locals(keyFrame, true)
	if !origin.MatchString(portal) {
		c.Set(fiber.HeaderContentSecurityPolicy, policy("'none'", ""))
		return
	}
	c.Set(fiber.HeaderContentSecurityPolicy, policy("'self' "+portal, portal))
}

// frameByAny lets any portal frame the answer. It is for pages that hold
// nothing of anybody: that an open was refused, and why.
func (s *Server) frameByAny(c *fiber.Ctx) {
	ancestors := "'self' https:"
	if s.private {
		ancestors += " http:"
	}
	c.Set(fiber.HeaderContentSecurityPolicy, policy(ancestors, ""))
}

// framed reports whether a browser says that it asks for a frame's content.
func framed(c *fiber.Ctx) bool {
	switch c.Get("Sec-Fetch-Dest") {
	case "iframe", "frame":
		return true
	case "":
		// An old browser: portals open the app with these in the query.
		return c.Query("APP_SID") != ""
	}
	return false
}
